/** Spread of numbers, against NumPy's. */
import { assert, describe, it } from "@effect/vitest"
import * as Spread from "../../../src/kernels/math/Spread.ts"

describe("spread", () => {
  it("is the deviation with Bessel's correction", () => {
    // numpy.std(values, ddof=1)
    assert.closeTo(Spread.deviation([3, 1, 4, 1, 5, 9, 2, 6]), 2.748376143938713, 1e-12)
    assert.strictEqual(Spread.deviation([2, 2, 2]), 0)
    assert.deepStrictEqual([Spread.deviation([]), Spread.deviation([7])], [0, 0])
  })

  it("is told by quantiles, between neighbours by line", () => {
    // numpy.quantile(values, share)
    const values = [3, 1, 4, 1, 5, 9, 2, 6]
    const quantiles = [[0, 1], [0.25, 1.75], [0.5, 3.5], [0.75, 5.25], [0.9, 6.9], [1, 9]] as const
    for (const [share, value] of quantiles) assert.closeTo(Spread.quantile(values, share), value, 1e-12)
    assert.deepStrictEqual(values, [3, 1, 4, 1, 5, 9, 2, 6])
    assert.deepStrictEqual([Spread.quantile([], 0.5), Spread.quantile([7], 0.75)], [0, 7])
  })
})
