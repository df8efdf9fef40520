import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { Metric, WinRate } from "../../../src/tasks/classification/index.ts"
import { runs, Seven, Written } from "./distributions.ts"

describe("Metric", () => {
  it("an answer that did not decode takes the worst value", () => {
    assert.strictEqual(Metric.jsd.of([1, 0], Option.none()), Math.LN2)
    assert.strictEqual(Metric.accuracy.of([1, 0], Option.none()), 0)
    assert.strictEqual(Metric.meanAbsoluteError.of([1, 0, 0, 0], Option.none()), 0.5)
  })

  it.prop("no answer is worse than none, and the truth itself is best", [Seven, Written], ([truth, written]) => {
    for (const metric of Metric.all) {
      const worst = metric.of(truth, Option.none())
      const value = metric.of(truth, Option.some(written))
      const best = metric.of(truth, Option.some(truth))
      const rank = (x: number) => metric.direction === "lower" ? x : -x
      assert.isTrue(
        rank(best) <= rank(value) + 1e-12 && rank(value) <= rank(worst) + 1e-12,
        `${metric.name} ${best} ${value} ${worst}`
      )
      assert.closeTo(best, metric.direction === "lower" ? 0 : 1, 1e-15)
    }
  }, runs)

  it("normalises answers first", () => {
    assert.strictEqual(Metric.jsd.of([0.5, 0.5, 0], Option.some([0.2, 0.2, 0])), 0)
    assert.closeTo(Metric.meanAbsoluteError.of([0.5, 0.5], Option.some([0.9, 0.3])), 0.25, 1e-12)
  })

  it("shares credit between ties", () => {
    const of = (truth: Array<number>, answer: Array<number>) => Metric.accuracy.of(truth, Option.some(answer))
    assert.strictEqual(of([0.4, 0.4, 0.2], [0.1, 0.9, 0]), 1)
    assert.strictEqual(of([0.4, 0.4, 0.2], [0, 0, 1]), 0)
    assert.strictEqual(of([0.6, 0.4, 0], [0.5, 0.5, 0]), 0.5)
    assert.strictEqual(of([0.5, 0.5, 0], [0.5, 0, 0.5]), 0.5)
  })
})

describe("WinRate", () => {
  it("counts ties half and reports them", () => {
    assert.deepStrictEqual(WinRate.winRate([0.1, 0.2, 0.3, 0.4], [0.2, 0.2, 0.2, 0.2 + 1e-15]), {
      rate: 0.375,
      wins: 1,
      ties: 1,
      losses: 2,
      samples: 4
    })
  })

  it.prop("both sides' rates sum to 1", [Seven, Written], ([a, b]) => {
    const one = WinRate.winRate(a, b)
    assert.strictEqual(one.wins + one.ties + one.losses, 7)
    assert.closeTo(one.rate + WinRate.winRate(b, a).rate, 1, 1e-15)
    assert.strictEqual(WinRate.winRate(a, a).rate, 0.5)
  }, runs)

  it("refuses lists that do not belong together", () => {
    assert.throws(() => WinRate.winRate([0.1], []), /got 1 and 0/)
    assert.throws(() => WinRate.winRate([], []), /at least one sample/)
  })
})
