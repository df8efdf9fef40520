import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Schedule from "../../../src/kernels/train/Schedule.ts"

const rates = (schedule: Schedule.Schedule, n: number) => Array.from({ length: n }, (_, step) => schedule(step))

const close = (found: ReadonlyArray<number>, expected: ReadonlyArray<number>) => {
  assert.strictEqual(found.length, expected.length)
  found.forEach((rate, i) => assert.closeTo(rate, expected[i]!, 1e-12))
}

const Steps = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 30 })))

describe("Schedule", () => {
  it("climbs to the peak on the last step of warm-up", () => {
    close(rates(Schedule.constant({ peak: 8, warmup: 4 }), 6), [2, 4, 6, 8, 8, 8])
    close(rates(Schedule.constant({ peak: 8 }), 2), [8, 8])
  })

  it("falls in a line or half a cosine to the floor and stays there", () => {
    const options = { peak: 10, warmup: 2, total: 6, floor: 2 }
    close(rates(Schedule.linear(options), 9), [5, 10, 10, 8, 6, 4, 2, 2, 2])
    const bend = Math.SQRT1_2 * 4
    close(rates(Schedule.cosine(options), 9), [5, 10, 10, 6 + bend, 6, 6 - bend, 2, 2, 2])
  })

  it.prop(
    "stays between 0 and the peak, never rising after warm-up, even when warm-up is the whole run",
    [Steps, Steps],
    ([warmup, total]) => {
      for (const make of [Schedule.linear, Schedule.cosine]) {
        const found = rates(make({ peak: 1, warmup, total }), 40)
        found.forEach((rate, step) => {
          assert.isTrue(rate >= 0 && rate <= 1)
          if (step > warmup) assert.isAtMost(rate, found[step - 1]!)
          if (step > 0 && step < warmup) assert.isAbove(rate, found[step - 1]!)
          if (step >= Math.max(warmup, total)) assert.closeTo(rate, 0, 1e-12)
        })
      }
    }
  )
})
