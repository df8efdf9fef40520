/** Lessons weighted by what they earned. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { usedTau } from "../../src/dsl/stages/Filter.ts"
import * as Config from "../../src/pipelines/Config.ts"
import { quick } from "../../src/pipelines/Presets.ts"
import { type Objective, Policy } from "../../src/policy/Policy.ts"
import * as Stub from "./StubPolicy.ts"

const live = (bias: Stub.Options["bias"] & {}) =>
  Layer.mergeAll(Stub.layer({ bias }), Run.layerMemory({ seed: 0 }), Layer.succeed(Progress, silent)).pipe(
    Layer.provideMerge(Stub.Trace.layer),
    Layer.provideMerge(NodeServices.layer)
  )

/** All answers are "fear": right for every third picture, worth 0.2 for the others. */
const afraid = live({ fear: 50 })

const explained = Rise.make(Stub.Mood, Stub.data(30)).pipe(
  Rise.generate(),
  Rise.reconstruct(),
  Rise.validate(),
  Rise.best()
)

/** Runs an effect under a policy that remembers what it was to learn from. */
const watched = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    const seen: Array<Objective> = []
    yield* Effect.provideService(work, Policy, {
      ...policy,
      update: (objective, options) => {
        seen.push(objective)
        return policy.update(objective, options)
      }
    })
    return seen.flatMap((objective) => objective._tag === "Supervised" ? [objective.examples] : [])
  })

describe("filter({ soft })", () => {
  it.effect("weighs every chain by its reward to a power, and drops none", () =>
    Effect.gen(function*() {
      const items = yield* Stream.runCollect(explained.pipe(Rise.filter({ soft: 2 })).items)
      assert.strictEqual(items.length, 30)
      for (const { reward, weight } of items) assert.strictEqual(weight, reward ** 2)
      assert.deepStrictEqual([...new Set(items.map(({ reward }) => reward))].toSorted(), [0.2, 1])
      const rows = yield* Stream.runCollect((yield* Run).rows("metrics.jsonl"))
      const row = rows.find((row) => typeof row === "object" && row !== null && "soft" in row)
      assert.deepInclude(row, { stage: "filter", soft: 2, kept: 30, of: 30, share: 1 })
      assert.closeTo(
        Number(row !== undefined && row !== null && typeof row === "object" && "weight" in row && row["weight"]),
        (10 + 20 * 0.04) / 30,
        1e-12
      )
    }).pipe(Effect.provide(afraid)))

  it.effect("leaves what earned nothing out of all batches, and counts it", () =>
    Effect.gen(function*() {
      const silent = Rise.make(Stub.Mood, Stub.data(30)).pipe(
        Rise.generate(),
        Rise.reconstruct(),
        Rise.validate(),
        Rise.best(),
        Rise.filter({ soft: 1 })
      )
      const items = yield* Stream.runCollect(silent.items)
      const rewards = (yield* Stream.runCollect((yield* Run).rows("cot.jsonl"))).map((row) =>
        typeof row === "object" && row !== null && "reward" in row ? Number(row["reward"]) : NaN
      )
      const worthless = rewards.filter((reward) => reward === 0).length
      assert.isTrue(worthless > 0 && worthless < 30, String(worthless))
      assert.strictEqual(items.length, 30 - worthless)
      // The share of chains that taught is of these.
      const least = Option.getOrThrow(yield* usedTau(""))
      assert.strictEqual(rewards.filter((reward) => reward >= least).length, items.length)
    }).pipe(Effect.provide(live({ potato: 1.5 }))))

  it.effect("reaches the loss: a lesson's tokens weigh as much as its reward says, the answer's times as much", () =>
    Effect.gen(function*() {
      const seen = yield* watched(
        Rise.train(explained.pipe(Rise.filter({ soft: 1 }), Rise.sft({ steps: 4, batchSize: 8, answerWeight: 3 })))
      )
      assert.strictEqual(seen.length, 4)
      for (const { prompt, target } of seen.flat()) {
        // Right for pictures of fear.
        const own = prompt.images[0]?.id.startsWith("fear") === true ? 1 : 0.2
        assert.deepStrictEqual(target.map(({ weight }) => weight), [own, 3 * own, own])
      }
      const plain = yield* watched(
        Rise.train(explained.pipe(Rise.filter({ tau: 0 }), Rise.sft({ steps: 1, batchSize: 8 })))
      )
        .pipe(Effect.provide(afraid))
      assert.isTrue(plain.flat().every(({ target }) => target.every(({ weight }) => weight === 1)))
    }).pipe(Effect.provide(afraid)))

  it.effect("is refused beside what drops, as no exponent, and where a batch has nothing to weigh against", () =>
    Effect.gen(function*() {
      const refused = (filter: Rise.FilterOptions, sft: Rise.SftOptions = {}) =>
        Effect.map(
          Effect.flip(Rise.train(explained.pipe(Rise.filter(filter), Rise.sft({ steps: 1, ...sft })))),
          (error) => {
            assert.strictEqual(error._tag, "BadSetting")
            return error.message
          }
        )
      assert.match(yield* refused({ soft: 1, tau: 0.5 }), /^filter: tau is 0\.5, expected nothing beside soft/)
      assert.match(yield* refused({ soft: 1, least: 0.4 }), /^filter: least is 0\.4, expected nothing beside soft/)
      for (const soft of [0, -1, 101, NaN, Infinity]) {
        assert.match(yield* refused({ soft }), /soft is .*, expected a number above 0, at most 100/)
      }
      assert.match(yield* refused({ soft: 1 }, { batchSize: 1 }), /^sft: batchSize is 1, expected 2 or more behind/)
      assert.strictEqual((yield* Stub.Trace).sessions, 0)
    }).pipe(Effect.provide(afraid)))

  it.effect("stops where nothing earned anything", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(explained.pipe(Rise.filter({ soft: 1 })).items))
      assert.strictEqual(error._tag, "NothingKept")
      assert.match(error.message, /no chain earned anything, so that none weighs anything; .*train RISE-CoT longer/)
    }).pipe(Effect.provide(live({ potato: 50 }))))

  it("stands in a settings file in the place of a preset's τ, and is printed as it is read", () => {
    const soft = Config.merged(quick, { filter: { soft: 1.5, tau: null, least: null } })
    assert.deepStrictEqual(soft.filter, { soft: 1.5 })
    assert.deepStrictEqual(Config.whole(soft)["filter"], { tau: null, least: null, soft: 1.5 })
    assert.strictEqual(Config.decode("x", { filter: { soft: 0 } })._tag, "Failure")
  })

  it.effect("is part of what a run resumes under", () =>
    Effect.sync(() => {
      assert.deepStrictEqual(explained.pipe(Rise.filter({ soft: 2 })).described.at(-1), ["filter", { soft: 2 }])
    }))
})
