/** What a budget leaves of the stages to come where the machine has become slower than it was when it was measured. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { everything, leastTaught, type Line } from "../../src/pipelines/budget.ts"
import { pacing } from "../../src/pipelines/pacing.ts"

const plan: ReadonlyArray<Line> = [
  { stage: "base/evaluate", seconds: 2 },
  { stage: "warm-up", seconds: 40 },
  { stage: "RISE/reinforce", seconds: 10 },
  { stage: "RISE/explain", seconds: 10 },
  { stage: "RISE/sft", seconds: 60 },
  { stage: "RISE/rft", seconds: 40 },
  { stage: "RISE/evaluate", seconds: 8 }
]

/** The share that each stage is told, where stages take so many times what was expected of them. */
const run = (
  seconds: number,
  slowness: (stage: string) => number,
  { left = everything, measured = 0, stages = plan } = {}
) =>
  Effect.gen(function*() {
    yield* TestClock.adjust(measured * 1000)
    const { share } = yield* pacing({ plan: stages, left, seconds, began: 0 })
    const told: Record<string, number> = {}
    for (const { seconds, stage } of stages) {
      told[stage] = yield* share(stage)
      yield* TestClock.adjust(1000 * seconds * slowness(stage) * told[stage])
    }
    return { told, ends: (yield* Clock.currentTimeMillis) / 1000 }
  })

const all = (told: Readonly<Record<string, number>>) => Object.values(told).every((share) => share === 1)

describe("pacing", () => {
  it.effect("leaves every step on a machine that is as fast as it was, or faster", () =>
    Effect.gen(function*() {
      assert.isTrue(all((yield* run(200, () => 1)).told))
    }))

  it.effect("leaves every step where a slower machine ends in time all the same", () =>
    Effect.gen(function*() {
      assert.isTrue(all((yield* run(400, () => 2)).told))
    }))

  it.effect("of a machine that becomes slower shortens the last stage first, and ends in time", () =>
    Effect.gen(function*() {
      const { ends, told } = yield* run(200, (stage) => stage === "base/evaluate" || stage === "warm-up" ? 1 : 1.5)
      assert.deepStrictEqual([told["warm-up"], told["RISE/sft"]], [1, 1])
      assert.isBelow(told["RISE/rft"]!, 1)
      assert.isAbove(told["RISE/rft"]!, 0.2)
      assert.isAtMost(ends, 200.001)
    }))

  it.effect("shortens what teaches to the least of any budget and no further, then runs past its time", () =>
    Effect.gen(function*() {
      const { ends, told } = yield* run(200, (stage) => stage === "base/evaluate" ? 1 : 4)
      assert.strictEqual(told["RISE/sft"], leastTaught)
      assert.strictEqual(told["RISE/rft"], 0)
      assert.isAbove(ends, 200)
    }))

  it.effect("takes nothing more from what a plan has cut to the least already", () =>
    Effect.gen(function*() {
      const left = { ...everything, taught: leastTaught }
      assert.strictEqual((yield* run(200, () => 4, { left })).told["RISE/sft"], 1)
    }))

  it.effect("counts what measuring took, and knows no stage that is not planned", () =>
    Effect.gen(function*() {
      const { ends, told } = yield* run(200, () => 1, { measured: 50 })
      assert.strictEqual(told["RISE/sft"], 1)
      assert.closeTo(told["RISE/reinforce"]!, 0.6, 1e-9)
      assert.closeTo(ends, 200, 0.01)
      const { share } = yield* pacing({ plan, left: everything, seconds: 1, began: 0 })
      assert.strictEqual(yield* share("SFT (twice)/sft"), 1)
    }))

  it.effect("holds RFT for what teaches where nothing else does", () =>
    Effect.gen(function*() {
      const stages = [{ stage: "base/evaluate", seconds: 20 }, { stage: "Visual-RFT/rft", seconds: 60 }]
      assert.strictEqual((yield* run(80, () => 9, { stages })).told["Visual-RFT/rft"], leastTaught)
    }))
})
