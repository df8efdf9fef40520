/** A model that is asked about scenes of another difficulty than it was trained on. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, FileSystem, Layer, Logger, Option } from "effect"
import { tellOther } from "../../src/cli/difficulty.ts"
import { embeddedModel } from "../../src/cli/embedded.ts"
import { Scenes } from "../../src/data/index.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import * as Stub from "../dsl/StubPolicy.ts"

const live = Stub.layer({ seed: 1 }).pipe(Layer.provide(Stub.Trace.layer), Layer.merge(Layer.succeed(Progress, silent)))

/** A model that a run has saved, which names its data so. */
const saved = Effect.fnUntraced(function*(source: string) {
  const out = `${yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())}/run`
  yield* Rise.make(Stub.Mood, Stub.data(8)).pipe(
    Rise.answers(),
    Rise.sft({ steps: 1, batchSize: 4 }),
    Rise.run({ out, config: { source } }),
    Effect.provide(live)
  )
  return `${out}/model`
})

const told = (model: string, difficulty: number, more: object = {}) => {
  const lines: Array<string> = []
  const quiet = Object.assign(Object.create(console), { error: (line: string) => void lines.push(line) })
  return tellOther({ model, difficulty, data: Option.none(), adapter: Option.none(), ...more }).pipe(
    Effect.provideService(Console.Console, quiet),
    Effect.map((notes) => {
      assert.deepStrictEqual(notes, lines, "what is said is noted for the report")
      return notes
    })
  )
}

describe("scenes of another difficulty than a model was trained on", () => {
  it.effect("are told, by what the card of the model says", () =>
    Effect.gen(function*() {
      const [harder, plain] = [yield* saved(Scenes.titleAt(0.35)), yield* saved(Scenes.titleAt(0))]
      assert.deepStrictEqual(yield* told(harder, 0), [
        `the model ${harder} was trained on scenes of difficulty 0.35, and is asked about scenes of difficulty 0: ` +
        "--difficulty 0.35 asks about such as it was trained on"
      ])
      assert.match((yield* told(plain, 0.5)).join(), /difficulty 0, and is asked about scenes of difficulty 0\.5/)
      assert.deepStrictEqual([yield* told(harder, 0.35), yield* told(plain, 0)], [[], []])
      // An adapter's card goes before that of its base.
      assert.lengthOf(yield* told(plain, 0, { adapter: Option.some(harder) }), 1)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("are not, where nobody knows what it was trained on, or other data are asked about", () =>
    Effect.gen(function*() {
      const harder = yield* saved(Scenes.titleAt(0.35))
      assert.deepStrictEqual(yield* told(harder, 0, { data: Option.some("pictures") }), [])
      assert.deepStrictEqual(yield* told(harder, 0, { remote: Option.some("http://127.0.0.1:1/v1") }), [])
      assert.deepStrictEqual(yield* told(yield* saved("/home/me/pictures"), 0.35), [])
      assert.deepStrictEqual(yield* told(embeddedModel, 0.35), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("cannot be told by a card that is damaged, which is said", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const model = yield* saved(Scenes.titleAt(0.35))
      const card = `${model}/README.md`
      const whole = yield* fs.readFileString(card)
      for (const difficulty of ["3.5", "0.3.5", "hard", ""]) {
        yield* fs.writeFileString(card, whole.replace("difficulty 0.35", `difficulty ${difficulty}`.trim()))
        const [note = ""] = yield* told(model, 0)
        assert.match(note, /its card \(README\.md\) says ".*difficulty/, difficulty)
        assert.match(note, /no difficulty from 0 to 1: whether these are of another cannot be told/)
      }
      yield* fs.remove(card)
      assert.deepStrictEqual(yield* told(model, 0), [], "no card says nothing")
      yield* fs.makeDirectory(card)
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      assert.deepStrictEqual(yield* Effect.provide(told(model, 0), Logger.layer([logger])), [])
      assert.match(
        lines.join(),
        /README\.md: is a directory, .*: the model card does not say what the model was trained on/
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it("are known by their name", () => {
    for (const difficulty of [0, 0.35, 1, 1e-7]) {
      assert.deepStrictEqual(Scenes.difficultyIn(Scenes.titleAt(difficulty)), Option.some(difficulty))
    }
    for (
      const other of [
        "",
        "pictures",
        `${Scenes.titleAt(0)} and more`,
        "difficulty 0.5",
        `${Scenes.titleAt(0)}, difficulty 3`,
        `${Scenes.titleAt(0)}, difficulty 1-`
      ]
    ) {
      assert.deepStrictEqual(Scenes.difficultyIn(other), Option.none())
    }
  })
})
