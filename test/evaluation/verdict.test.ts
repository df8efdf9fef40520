import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { verdict } from "../../src/evaluation/verdict.ts"

const rows = (figures: Readonly<Record<string, number>>, metric: string, n: number) =>
  Object.entries(figures).map(([method, value]) => ({ method, part: "all", shots: "full", metric, value, n, seed: 0 }))

const of = (figures: Readonly<Record<string, number>>, direction: "lower" | "higher", n = 100) =>
  Option.getOrThrow(verdict(rows(figures, "m", n), "RISE", { name: "m", direction }))

describe("verdict", () => {
  it("says how much better than guessing and than SFT a method is, whichever way is better", () => {
    const { learned, sentence } = of({ prior: 0.27, SFT: 0.141, RISE: 0.103 }, "lower")
    assert.isTrue(learned)
    assert.strictEqual(
      sentence,
      "RISE reaches m 0.103 on 100 test pictures: better than guessing the mean (0.270) by 0.167, better than SFT " +
        "(0.141) by 0.038."
    )
    assert.include(of({ prior: 0.33, SFT: 0.98, RISE: 0.95 }, "higher").sentence, "worse than SFT (0.980) by 0.030")
  })

  it("says where nothing was learned, and where to look", () => {
    for (
      const [figures, direction] of [[{ prior: 0.27, RISE: 0.3 }, "lower"], [
        { prior: 0.3, RISE: 0.3 },
        "higher"
      ]] as const
    ) {
      const { learned, sentence } = of(figures, direction)
      assert.isFalse(learned)
      assert.match(sentence, /has not learned this task: docs\/when-it-does-not-learn.md/)
    }
  })

  it("says that few pictures tell little", () => {
    assert.include(of({ prior: 0.3, RISE: 0.9 }, "higher", 9).sentence, "9 pictures are few")
  })

  it("is none where a figure is missing", () => {
    assert.isTrue(Option.isNone(verdict(rows({ RISE: 1 }, "m", 5), "RISE", { name: "m", direction: "higher" })))
  })
})
