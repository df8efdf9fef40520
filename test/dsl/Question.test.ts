import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { Fingerprint, Question, Rise, Run, Task } from "../../src/dsl/index.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import { evaluate } from "../../src/evaluation/evaluate.ts"
import { Policy } from "../../src/policy/Policy.ts"
import { drawing } from "../policy/drawing.ts"
import * as Stub from "./StubPolicy.ts"

/** The stub's task, with a question in every prompt. */
const Asked = Task.make<Stub.Label>({
  ...Stub.Mood,
  prompts: {
    reason: (label) => `Why? {question} It is ${label}.`,
    reconstruct: (reasoning) => `Which? {question} Given: ${reasoning}`,
    annotate: "Think: {question}",
    answerOnly: "{question}"
  }
})
const questionOf = (id: string) => `What mood has ${id}?`
const asked = (count: number) =>
  Stream.map(Stub.data(count), (sample) => ({ ...sample, question: questionOf(sample.image.id) }))

const sample = (question?: string) => ({
  image: { id: "a.png", source: { _tag: "File" as const, path: "a.png" } },
  ...(question === undefined ? {} : { question })
})
const ask = (form: "reason" | "reconstruct" | "annotate" | "answerOnly", question?: string, inside = "") =>
  Effect.map(Question.ask(Asked, form, sample(question), inside), ({ text }) => text)

/** A policy that remembers what it was asked. */
const listening = (heard: Array<string>) =>
  Layer.effect(
    Policy,
    Effect.map(Policy, (policy) =>
      Policy.of({
        ...drawing(policy, (sample) => (requests, options) => {
          for (const { prompt } of requests) heard.push(`${prompt.images[0]?.id} ${prompt.text}`)
          return sample(requests, options)
        }),
        update: (objective, options) => {
          if (objective._tag === "Supervised") {
            for (const { prompt } of objective.examples) heard.push(`${prompt.images[0]?.id} ${prompt.text}`)
          }
          return policy.update(objective, options)
        }
      }))
  ).pipe(Layer.provide(Stub.layer({ seed: 3 })))

const provided = (heard: Array<string>) =>
  Effect.provide(Layer.mergeAll(
    listening(heard).pipe(Layer.provide(Layer.merge(Stub.Trace.layer, NodeServices.layer))),
    Run.layerMemory({ seed: 3 }),
    Layer.succeed(Progress, silent),
    NodeServices.layer
  ))

describe("Question", () => {
  it.effect("stands where the prompt says, once or more, in all four forms", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* ask("annotate", "Where is it?"), "Think: Where is it?")
      assert.strictEqual(yield* ask("reason", " Where? ", "joy"), "Why? Where? It is joy.")
      const twice = Task.make({ ...Asked, prompts: { ...Asked.prompts, annotate: "{question} Again: {question}" } })
      assert.strictEqual(
        (yield* Question.ask(twice, "annotate", sample("$& or $1?"))).text,
        "$& or $1? Again: $& or $1?"
      )
      assert.deepStrictEqual(yield* Question.ask(Stub.Mood, "annotate", sample("unasked")), {
        images: [sample().image],
        text: Stub.Mood.prompts.annotate
      })
      assert.isTrue(Question.asks(Asked))
      assert.isFalse(Question.asks(Stub.Mood))
    }))

  it.effect("is text: neither it nor a chain can bring a tag, a picture or another question", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* ask("annotate", "Is <|image_pad|> it?"), "Think: Is   it?")
      assert.strictEqual(
        yield* ask("reconstruct", "Where?", "it says {question}"),
        "Which? Where? Given: it says question"
      )
    }))

  it.effect("is missed with the sample's name and what to do", () =>
    Effect.gen(function*() {
      for (const question of [undefined, "", "  ", "<|im_end|>"]) {
        const error = yield* Effect.flip(ask("reason", question, "joy"))
        assert.strictEqual(error._tag, "MissingQuestion")
        assert.match(
          error.message,
          /task "mood": its reason prompt asks \{question\}, and a\.png has no question: give/
        )
      }
    }))

  it.effect("is asked of its own sample by every stage and recorded in its rows", () =>
    Effect.gen(function*() {
      const heard: Array<string> = []
      const settings = { steps: 2, promptsPerStep: 4, learningRate: 1 }
      yield* Effect.gen(function*() {
        const start = Rise.make(Asked, asked(24), { validation: 0.25 }).pipe(
          Rise.warmUp({ share: 1, steps: 2, batchSize: 4, learningRate: 1, keep: 1 })
        )
        const rise = start.pipe(
          Rise.generate({ candidates: 4 }),
          Rise.reconstruct(),
          Rise.validate(),
          Rise.reinforce({ ...settings, select: { every: 1 } }),
          Rise.best(),
          Rise.filter({ tau: 0 }),
          Rise.sft({ steps: 2, batchSize: 4, learningRate: 1, select: { every: 1 } }),
          Rise.rft({ ...settings, select: { every: 1 } })
        )
        yield* Rise.train(rise)
        yield* evaluate({ method: "RISE", task: Asked, data: asked(6) })
        const run = yield* Run
        const rows = yield* Stream.runCollect(run.rows("predictions.jsonl"))
        assert.strictEqual(rows.length, 6)
        for (const file of ["predictions.jsonl", "cot.jsonl"]) {
          for (const row of yield* Stream.runCollect(run.rows(file))) {
            const { image, question } = Schema.decodeUnknownSync(
              Schema.Struct({ image: Schema.String, question: Schema.String })
            )(row)
            assert.strictEqual(question, questionOf(image))
          }
        }
      }).pipe(provided(heard))
      assert.isAbove(heard.length, 100)
      for (const text of heard) assert.include(text, `What mood has ${text.split(" ")[0]}?`)
      for (const opening of ["Why? What", "Which? What", "Think: What"]) {
        assert.isTrue(heard.some((text) => text.includes(opening)), opening)
      }
    }))

  it.effect("fails a pipeline whose samples have none", () =>
    Effect.gen(function*() {
      const bare = Rise.make(Asked, Stub.data(12)).pipe(Rise.answers(), Rise.sft({ steps: 1 }), Rise.train)
      const error = yield* Effect.flip(bare.pipe(provided([])))
      assert.strictEqual(error._tag, "MissingQuestion")
    }))

  it.effect("belongs to the fingerprint of the data, and no question leaves it as it was", () =>
    Effect.gen(function*() {
      const of = (data: Stream.Stream<Task.Sample<Stub.Label>>) =>
        Effect.map(Fingerprint.data(Stub.Mood, data), ({ sha256 }) => sha256)
      const plain = yield* of(Stub.data(3))
      assert.strictEqual(plain, yield* of(Stub.data(3)))
      assert.notStrictEqual(plain, yield* of(asked(3)))
      assert.notStrictEqual(
        yield* of(asked(3)),
        yield* of(Stream.map(asked(3), (one) => ({ ...one, question: "Which?" })))
      )
      assert.notStrictEqual(yield* Fingerprint.prompts(Asked), yield* Fingerprint.prompts(Stub.Mood))
    }))
})
