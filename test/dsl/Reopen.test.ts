/** A run that is resumed with something else: what differs is said in words before hashes, which tell nobody. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, type Schema } from "effect"
import { Scenes } from "../../src/data/index.ts"
import * as Fingerprint from "../../src/dsl/Fingerprint.ts"
import { difference } from "../../src/dsl/Reopen.ts"
import { Run } from "../../src/dsl/Run.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"

const hash = (digit: string) => digit.repeat(64)

describe("a run that is resumed with something else", () => {
  it("is told the first field that says something, else the first hash", () => {
    const stored = { prompts: hash("a"), data: { train: { samples: 5, sha256: hash("b") } }, config: { source: "x" } }
    const of = (given: object) => Option.getOrUndefined(difference(stored, { ...stored, ...given }))?.field
    assert.strictEqual(of({}), undefined)
    assert.strictEqual(of({ prompts: hash("c") }), "prompts")
    assert.strictEqual(of({ prompts: hash("c"), config: { source: "y" } }), "config.source")
    assert.strictEqual(
      of({ data: { train: { samples: 6, sha256: hash("c") } }, prompts: hash("c") }),
      "data.train.samples"
    )
    assert.strictEqual(of({ data: { train: { samples: 5, sha256: hash("c") } } }), "data.train.sha256")
    // A hash that only one side has is no more readable.
    assert.strictEqual(of({ data: { train: { samples: 5, sha256: null } }, config: {} }), "config.source")
  })

  it.effect("goes on where its record has settings that did nothing, which earlier versions wrote", () =>
    Effect.gen(function*() {
      const path = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/run`
      const open = (rft: Readonly<Record<string, Schema.Json>>) =>
        Effect.void.pipe(Effect.provide(Layer.fresh(Run.layer({
          ...{ path, seed: 0, resume: true },
          identity: { config: { settings: { rft, limits: [1, 2] } } }
        }))))
      const rft = { loss: "grpo", kl: 0, clip: { low: 0.2, high: 0.2 } }
      yield* open({ ...rft, gate: { positive: 1, negative: 1.05 }, lossLength: 256, klEstimator: "k3" })
      yield* open(rft)
      const { message } = yield* Effect.flip(open({ ...rft, clip: { low: 0.2, high: 0.28 } }))
      assert.include(message, "config.settings.rft.clip.high = 0.2, this run has 0.28")
      assert.include((yield* Effect.flip(open({ ...rft, loss: "sapo" }))).message, "rft.loss")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("is refused by the difficulty of its scenes, and in words where only hashes differ", () =>
    Effect.gen(function*() {
      const path = `${yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()}/run`
      const identity = Effect.fnUntraced(function*(difficulty: number, source = Scenes.titleAt(difficulty)) {
        const train = Scenes.dataset({ split: "train", difficulty, limit: 4 })
        return { data: { train: yield* Fingerprint.data(Emotion6.task, train) }, config: { source } }
      })
      const open = (made: Effect.Success<ReturnType<typeof identity>>) =>
        Effect.void.pipe(Effect.provide(Layer.fresh(Run.layer({ path, seed: 0, resume: true, identity: made }))))
      yield* open(yield* identity(0.35))
      yield* open(yield* identity(0.35))
      const refused = yield* Effect.flip(open(yield* identity(0.5)))
      assert.include(
        refused.message,
        "was started with config.source = \"embedded scenes (synthetic), difficulty 0.35\", this run has " +
          "\"embedded scenes (synthetic), difficulty 0.5\": resume with the same options"
      )
      const alike = yield* Effect.flip(open(yield* identity(0.5, Scenes.titleAt(0.35))))
      assert.match(
        alike.message,
        /was started with other data \(names, labels or order of its samples\), by the SHA-256 of data\.train\.sha256: /
      )
      assert.notMatch(alike.message, /[0-9a-f]{64}/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
