import { assert, describe, it } from "@effect/vitest"
import { Keyed, spearman } from "../../../src/kernels/math/index.ts"

describe("spearman", () => {
  it("is what scipy says, ties included", () => {
    // scipy 1.18.1, stats.spearmanr: of its documentation, and of lists with ties.
    assert.closeTo(spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]), 0.8207826816681233, 1e-15)
    assert.closeTo(spearman([1, 1, 2, 2, 3], [2, 1, 2, 3, 3]), 0.8055555555555555, 1e-15)
    assert.closeTo(spearman([0.5, 0.5, 0.5, 1], [0, 1, 2, 3]), 0.7745966692414834, 1e-15)
  })

  it("knows the ends, and is the same of values in any order and on any scale", () => {
    assert.strictEqual(spearman([1, 2, 3], [-1, 0, 100]), 1)
    assert.strictEqual(spearman([1, 2, 3], [3, 2, 1]), -1)
    for (let i = 0; i < 100; i++) {
      const random = Keyed.stream(5, `spearman/${i}`)
      const n = 2 + random.int(40)
      const pairs = Array.from({ length: n }, () => [random.int(8), random.int(8)] as const)
      const of = (rows: ReadonlyArray<readonly [number, number]>) =>
        spearman(rows.map(([a]) => a), rows.map(([, b]) => b))
      const found = of(pairs)
      if (Number.isNaN(found)) continue
      assert.isTrue(Math.abs(found) <= 1 + 1e-12)
      assert.closeTo(of(random.shuffle(pairs)), found, 1e-12)
      assert.closeTo(of(pairs.map(([a, b]) => [Math.exp(a), -b])), -found, 1e-12)
    }
  })

  it("has no value of nothing that is ranked, and refuses what are no pairs", () => {
    assert.isNaN(spearman([1, 1, 1], [1, 2, 3]))
    assert.throws(() => spearman([1, 2], [1, 2, 3]), /got 2 and 3/)
    assert.throws(() => spearman([1], [1]), /got 1 and 1/)
    assert.throws(() => spearman([1, NaN], [1, 2]), /NaN/)
  })
})
