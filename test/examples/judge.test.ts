/** The example's judge behind a real HTTP server: what it is shown, what its answers are worth, and a whole run. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Schema, Stream } from "effect"
import { judge, program } from "../../examples/judge.ts"
import { Scenes } from "../../src/data/index.ts"
import { Judge, Policy, Progress, Rise } from "../../src/dsl/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import * as Server from "../policy/openai/server.ts"

const settings = ({ baseUrl }: Server.Server) => ({
  baseUrl,
  model: "judge",
  backoff: "1 millis" as const,
  attempts: 2
})

/** Says how much of a reasoning it finds in the picture it was sent: every second number of its letters. */
const answering: Server.Behaviour = (response, received) => {
  const said = /of this picture: "([^"]*)"/.exec(Server.textOf(received.body))?.[1] ?? ""
  return Server.send(200, Server.choices(said.length % 2 === 0 ? "100" : " 40."))(response, received)
}

const services = Layer.mergeAll(
  Policy.onnx({ model: "embedded", workers: 1 }),
  Layer.succeed(Progress.Progress, Progress.silent),
  NodeServices.layer
)

const sampleOf = Effect.map(
  Stream.runCollect(Scenes.dataset({ split: "train", limit: 1 })),
  ([sample]) => sample ?? assert.fail("no scene")
)

describe("the example's judge", () => {
  it.live("shows the picture and the reasoning, and reads a number", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      const sample = yield* sampleOf
      const task = yield* Judge.add(Emotion6.task, { judge, layer: Policy.openai(settings(server)) })
      const of = (reasoning?: string) =>
        task.judge!(sample.truth, sample.truth, { ...sample, ...(reasoning !== undefined && { reasoning }) })
      for (const [text, worth] of [["100", 1], [" 40.", 0.4], ["0", 0], ["7%", 0.07]] as const) {
        server.answer = Server.send(200, Server.choices(text))
        assert.strictEqual(yield* of(`A face with a candle <|image_pad|> and "${text}"`), worth)
      }
      const { body } = server.requests[0]!
      assert.include(Server.textOf(body), String.raw`A face with a candle   and \"100\"`)
      assert.match(Server.imageOf(body), /^data:image\//)
      assert.strictEqual(body.temperature, 0)
      assert.strictEqual(yield* of(), 1)
      assert.strictEqual(server.requests.length, 4, "without a reasoning nobody is asked")
      for (const text of ["101", "yes", "-3", "1000", ""]) {
        server.answer = Server.send(200, Server.choices(text))
        yield* Effect.flip(of("A face with a candle"))
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("teaches the embedded checkpoint; rewards are S times what it said", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.answer = answering
      const files = yield* FileSystem.FileSystem
      const out = yield* files.makeTempDirectoryScoped()
      yield* program({ ...settings(server), out, samples: 8, steps: 1 })
      assert.isAbove(server.requests.length, 20)
      const rows = (yield* files.readFileString(`${out}/cot.jsonl`)).trim().split("\n")
      const cot = yield* Effect.forEach(rows, (row) =>
        Schema.decodeUnknownEffect(Schema.fromJsonString(Rise.CotRow))(row))
      assert.strictEqual(cot.length, 8)
      assert.isTrue(cot.some(({ reward }) =>
        reward > 0
      ))
      assert.isTrue(cot.every(({ reasoning, reward }) => reward <= (reasoning.length % 2 === 0 ? 1 : 0.4)))
      assert.isTrue(server.requests.every(({ body }) => Server.imageOf(body).startsWith("data:image/")))
    }).pipe(
      Effect.scoped,
      Effect.provide(services)
    ), 120_000)

  it.live("that answers nothing ends the run with the reason", () =>
    Effect.gen(function*() {
      const server = yield* Server.start
      server.answer = Server.send(200, Server.choices("It depends."))
      const files = yield* FileSystem.FileSystem
      const out = yield* files.makeTempDirectoryScoped()
      const error = yield* Effect.flip(program({ ...settings(server), out, samples: 16, steps: 1 }))
      assert.strictEqual(error._tag, "JudgeError")
      assert.match(
        error.message,
        /10 judgments in a row failed, .* because: the judge wrote "It depends\.", expected 0 to 100/
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(services)
    ), 120_000)
})
