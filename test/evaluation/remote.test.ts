/** A remote policy in the pipelines: chains of thought for a local policy to learn from, and a baseline to evaluate. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Schema, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { figure, predictions } from "../../src/evaluation/Results.ts"
import { annotate } from "../../src/pipelines/annotate.ts"
import * as Policy from "../../src/policy/layers.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import * as Stub from "../dsl/StubPolicy.ts"
import * as Server from "../policy/openai/server.ts"

const services = Layer.mergeAll(Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
  Layer.provideMerge(NodeServices.layer)
)

const openai = ({ baseUrl }: Server.Server, key?: string) =>
  Policy.openai({ baseUrl, model: "gpt", backoff: "1 millis" }).pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(key === undefined ? {} : { OPENAI_API_KEY: key })))
  )

const misbehaving: ReadonlyArray<Server.Behaviour> = [
  Server.send(429, "", { "retry-after": "0" }),
  (response) => {
    response.destroy()
  },
  Server.send(500, "")
]

describe("a remote policy", () => {
  it.live("writes the chains that a local policy is tuned on", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.next.push(...misbehaving)
      const chains = Rise.make(Stub.Mood, Stub.data(12)).pipe(
        Rise.generate({ candidates: 3 }),
        Rise.reconstruct(),
        Rise.validate(),
        Rise.best(),
        Rise.filter({ tau: 0.75 })
      )
      yield* Effect.provide(Rise.train(chains), openai(server))
      const run = yield* Run
      const rows = yield* run.rows("cot.jsonl").pipe(
        Stream.mapEffect((row) => Schema.decodeUnknownEffect(Rise.CotRow)(row)),
        Stream.runCollect
      )
      assert.strictEqual(rows.length, 12)
      assert.isTrue(rows.every(({ reward }) => reward === 1))
      // 12 groups of three in one request each, a reconstruction for every chain, and what had to be repeated.
      assert.strictEqual(server.requests.length, 12 + 36 + misbehaving.length)
      assert.isTrue(server.requests.every(({ headers }) => headers.authorization === undefined))

      const asked = server.requests.length
      const trace = yield* Stub.Trace
      yield* Effect.provide(
        Rise.train(chains.pipe(Rise.sft({ steps: 3, batchSize: 4, learningRate: 1 }))),
        Stub.layer()
      )
      assert.deepStrictEqual(trace.updates, Array.from({ length: 3 }, () => ({ tag: "Supervised", size: 4 })))
      assert.strictEqual(server.requests.length, asked)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(services, Layer.provideMerge(Stub.Trace.layer, NodeServices.layer)))
    ))

  it.live("is evaluated by what it says of the pictures it is sent; what it refuses is wrong and says why", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.next.push(...misbehaving)
      server.answer = (response, received) =>
        Server.textOf(received.body).startsWith("Think") && server.requests.length % 6 === 0
          ? Server.send(200, { choices: [Server.choice(null, { message: { content: null, refusal: "no faces" } })] })(
            response,
            received
          )
          : Server.behave(response, received)
      const rows = yield* Effect.provide(
        evaluate({ method: "gpt", task: Stub.Mood, data: Stub.data(12), grammar: "off" }),
        openai(server, "sk-1")
      )
      const value = (metric: string) => Option.getOrThrow(figure(rows, "gpt", "all", metric))
      const refused = Math.floor((12 + misbehaving.length) / 6)
      assert.strictEqual(server.requests.length, 12 + misbehaving.length)
      assert.closeTo(value("error"), refused / 12, 1e-12)
      assert.closeTo(value("valid"), 1 - refused / 12, 1e-12)
      const written = yield* Stream.runCollect(predictions("gpt"))
      assert.strictEqual(written.filter(({ fault }) => fault === "refused: no faces").length, refused)
      assert.isTrue(
        server.requests.every(({ body, headers }) => headers.authorization === "Bearer sk-1" && body.temperature === 0)
      )
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("annotates without a mask, and says that it has none", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      const images = Stream.map(Stub.data(3), ({ image }) => image)
      server.next.push(Server.send(200, { choices: [Server.choice(null, { finish_reason: "content_filter" })] }))
      const found = yield* images.pipe(
        Stream.take(1),
        annotate(Stub.Mood, { grammar: "off" }),
        Stream.runCollect,
        Effect.provide(openai(server))
      )
      assert.include(Option.getOrThrow(found[0]!.fault), "content filter")
      const masked = { ...Stub.Mood, grammar: () => Effect.die("no grammar can be built without tokens") }
      const error = yield* Effect.flip(
        images.pipe(annotate(masked, { grammar: "mask" }), Stream.runDrain, Effect.provide(openai(server)))
      )
      assert.match(error.message, /grammar "off"/)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("that keeps its reasoning apart is read as a think-answer where one is asked for, else as it is", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      const says = (content: string) => {
        const reasoning_content = "I am to write <think></think><answer></answer>: a bright festive smile"
        server.answer = Server.send(200, {
          choices: [{ finish_reason: "stop", message: { content, reasoning_content } }]
        })
      }
      const read = (form: "think" | "answer", content: string) => {
        says(content)
        return Effect.gen(function*() {
          yield* evaluate({ method: form, task: Stub.Mood, data: Stub.data(1), form, grammar: "off" })
          const images = Stream.map(Stub.data(1), ({ image }) => image)
          const [annotated] = yield* Stream.runCollect(annotate(Stub.Mood, { form, grammar: "off" })(images))
          const [row] = yield* Stream.runCollect(predictions(form))
          const { reasoning, text, verdict } = row!
          return { verdict, text, reasoning, same: Option.getOrNull(annotated!.reasoning) === reasoning }
        }).pipe(Effect.provide(Layer.merge(openai(server), Run.layerMemory({ seed: 0 }))))
      }
      // Four tags of the format, none of which is the answer's.
      const reasoning = `I am to write${" ".repeat(5)}: a bright festive smile`
      for (const content of ["joy", "<answer>joy</answer>", "\n\n<answer>joy</answer>"]) {
        const text = `<think>${reasoning}</think><answer>joy</answer>`
        assert.deepStrictEqual(yield* read("think", content), { verdict: "ok", text, reasoning, same: true })
      }
      const whole = "<think>we can see a smile</think><answer>joy</answer>"
      assert.deepInclude(yield* read("think", whole), { verdict: "ok", text: whole, reasoning: "we can see a smile" })
      assert.deepStrictEqual(yield* read("answer", "joy"), { verdict: "ok", text: "joy", reasoning: null, same: true })
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("is as sure of a part of its answer as of the tokens that wrote it, where they can be placed", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      const asked: Array<number> = []
      const task = {
        ...Stub.Mood,
        rank: (annotation: Stub.Label, text: string, probability: (from: number, to: number) => number) => {
          const at = text.indexOf("joy")
          asked.push(probability(at, at + 3), probability(at + 1, at + 2), probability(0, 5))
          return annotation
        }
      }
      const tokens = (...given: ReadonlyArray<readonly [string, number]>) =>
        given.map(([token, sure]) => ({ token, logprob: Math.log(sure) }))
      const says = (content: string, logprobs: ReadonlyArray<object>) => {
        server.answer = Server.send(200, { choices: [{ ...Server.choice(content), logprobs: { content: logprobs } }] })
        return evaluate({ method: content, task, data: Stub.data(1), form: "answer", grammar: "off" }).pipe(
          Effect.provide(Layer.merge(openai(server), Run.layerMemory({ seed: 0 })))
        )
      }
      yield* says(" joy\n", tokens([" ", 0.1], ["j", 0.8], ["oy", 0.4], ["\n<|im_end|>", 0.1]))
      assert.deepStrictEqual(asked.splice(0).map((p) => Math.round(p * 1e5) / 1e5), [0.6, 0.4, 0.43333])
      yield* says("joy", tokens(["another", 0.5], ["text", 0.5]))
      yield* says("joy", [{ token: "joy", logprob: null }])
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("whose filter cuts an answer off has given none, though what is left of it may read like one", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.answer = (response, received) =>
        server.requests.length % 2 === 0
          ? Server.behave(response, received)
          : Server.send(200, { choices: [Server.choice("joy", { finish_reason: "content_filter" })] })(
            response,
            received
          )
      const options = { method: "gpt", task: Stub.Mood, data: Stub.data(6), form: "answer", grammar: "off" } as const
      const rows = yield* Effect.provide(evaluate(options), openai(server))
      assert.closeTo(Option.getOrThrow(figure(rows, "gpt", "all", "valid")), 0.5, 1e-12)
      const written = yield* Stream.runCollect(predictions("gpt"))
      const cut = written.filter(({ fault }) => fault !== undefined)
      assert.deepStrictEqual(
        cut.map(({ annotation, text, verdict }) => [annotation, text, verdict]),
        Array.from({ length: 3 }, () => [null, "joy", "format-annotation"])
      )
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("that refuses one picture has one wrong answer; one that refuses everything ends a stage", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.answer = (response, received) =>
        (server.requests.length === 3 ? Server.send(413, "<html>too large</html>") : Server.behave)(response, received)
      const options = { method: "gpt", task: Stub.Mood, data: Stub.data(12), grammar: "off" } as const
      const rows = yield* Effect.provide(evaluate(options), openai(server))
      assert.closeTo(Option.getOrThrow(figure(rows, "gpt", "all", "error")), 1 / 12, 1e-12)
      const faults = (yield* Stream.runCollect(predictions("gpt"))).map(({ fault }) => fault).filter(Boolean)
      assert.deepStrictEqual(faults, ["the server refused the request (413): (a page of HTML)"])
      assert.strictEqual(server.requests.length, 12)

      server.answer = Server.send(400, { error: { message: "no" } })
      const chains = Rise.make(Stub.Mood, Stub.data(12)).pipe(
        Rise.generate({ candidates: 2 }),
        Rise.reconstruct(),
        Rise.validate(),
        Rise.best(),
        Rise.filter({ tau: 0.5 })
      )
      const error = yield* Effect.flip(Effect.provide(Rise.train(chains), openai(server)))
      assert.match(error.message, /all 12 requests of this step were refused/)
    }).pipe(Effect.scoped, Effect.provide(services)))

  it.live("that takes grammars has figures under them, each answer held to one", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.answer = (response, received) => {
        const masked = received.body["structured_outputs"]
        const text = masked === undefined ? "cheerful" : Server.textOf(received.body) === "?" ? "a" : "joy"
        return Server.send(200, Server.choices(text))(response, received)
      }
      const moods = Classification.make({ name: "moods", labels: [...Stub.labels], subject: "mood", answer: "single" })
      const policy = Policy.openai({ baseUrl: server.baseUrl, model: "vl", apiKey: "", grammars: true })
      const data = Stream.map(Stub.data(3), ({ image, truth }) => ({
        image,
        truth: Stub.labels.map((label) => label === truth ? 1 : 0)
      }))
      const rows = yield* Effect.provide(
        evaluate({ method: "vllm", task: moods, data, form: "answer", maxTokens: 4 }),
        policy
      )
      const of = (metric: string) => Option.getOrThrow(figure(rows, "vllm", "all", metric))
      assert.closeTo(of("accuracy"), 0, 1e-12)
      assert.closeTo(of("accuracy masked"), 1 / 3, 1e-12)
      const [free = 0, probes = 0, masked = 0] = [
        (text: Schema.Json | undefined) => text === undefined,
        (text: Schema.Json | undefined) => JSON.stringify(text) === "{\"regex\":\"a\"}",
        (text: Schema.Json | undefined) => JSON.stringify(text) === "{\"regex\":\"(?:anger|fear|joy)\"}"
      ].map((sent) =>
        server.requests.filter(({ body }) => sent(body["structured_outputs"] as Schema.Json | undefined)).length
      )
      assert.deepStrictEqual([free, probes, masked], [3, 1, 3])
    }).pipe(Effect.scoped, Effect.provide(services)))
})
