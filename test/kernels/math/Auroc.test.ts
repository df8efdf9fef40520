import { assert, describe, it } from "@effect/vitest"
import { auroc, Keyed } from "../../../src/kernels/math/index.ts"

/** The definition: every positive against every negative, ties half. */
const pairs = (positives: ReadonlyArray<number>, negatives: ReadonlyArray<number>) => {
  let won = 0
  for (const a of positives) for (const b of negatives) won += a > b ? 1 : a === b ? 0.5 : 0
  return won / (positives.length * negatives.length)
}

describe("auroc", () => {
  it("is the share of won pairs, with few values, many ties and single elements too", () => {
    for (let i = 0; i < 500; i++) {
      const random = Keyed.stream(7, `auroc/${i}`)
      const values = 1 + random.int(i % 3 === 0 ? 3 : 1000)
      const draw = (count: number) => Array.from({ length: count }, () => random.int(values) / values - 0.3)
      const [positives, negatives] = [draw(1 + random.int(30)), draw(1 + random.int(60))]
      assert.strictEqual(auroc(positives, negatives), pairs(positives, negatives))
    }
  })

  it("knows the ends, the middle and infinite scores", () => {
    assert.strictEqual(auroc([3, 4], [1, 2]), 1)
    assert.strictEqual(auroc([1, 2], [3, 4]), 0)
    assert.strictEqual(auroc([5, 5, 5], [5, 5]), 0.5)
    assert.strictEqual(auroc([Infinity, 0], [-Infinity, 0]), 0.875)
    // Published: scikit-learn's example, 0.75.
    assert.strictEqual(auroc([0.35, 0.8], [0.1, 0.4]), 0.75)
  })

  it("has no value for one kind alone or for what is no number", () => {
    assert.throws(() => auroc([], [1]), /0 positives and 1 negatives/)
    assert.throws(() => auroc([1], []), /1 positives and 0 negatives/)
    assert.throws(() => auroc([1, NaN], [1]), /NaN/)
  })
})
