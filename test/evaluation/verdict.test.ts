import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { type Measured, verdict } from "../../src/evaluation/verdict.ts"

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

  it("calls no difference a finding that is within its standard error", () => {
    const of = (errors: ReadonlyArray<readonly [string, number]>, figures = { prior: 0.27, SFT: 0.262, RISE: 0.267 }) =>
      Option.getOrThrow(
        verdict(rows(figures, "m", 100), "RISE", { name: "m", direction: "lower" }, "trained", new Map(errors))
      )
    const near = of([["prior", 0.004], ["SFT", 0.004]])
    assert.isFalse(near.learned)
    assert.include(
      near.sentence,
      "too near guessing the mean (0.270) to be told from it (better by 0.003, standard error 0.004), worse than SFT " +
        "(0.262) by 0.005. It has not learned this task"
    )
    const apart = of([["prior", 0.002], ["SFT", 0.006]])
    assert.isTrue(apart.learned)
    assert.include(
      apart.sentence,
      "better than guessing the mean (0.270) by 0.003, too near SFT (0.262) to be told from it (worse by 0.005"
    )
    // What is the same to the last digit that is shown needs no error.
    assert.include(
      of([["prior", 1]], { prior: 0.27, SFT: 0.2, RISE: 0.27 }).sentence,
      "no better than guessing the mean"
    )
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
      assert.match(
        sentence,
        /has not learned this task: more steps, .* \(docs\/when-it-does-not-learn\.md of the package rise-vlm\)\./
      )
    }
  })

  it("advises by whose answers were measured: more steps only where something trains", () => {
    const of = (measured: Measured) =>
      Option.getOrThrow(
        verdict(rows({ prior: 0.2, model: 0.5 }, "m", 50), "model", { name: "m", direction: "lower" }, measured)
      ).sentence
    assert.match(of("trained"), /It has not learned this task: more steps/)
    assert.match(of("taught"), /train it longer, or on pictures such as these/)
    assert.match(of("untaught"), /It was not taught this task: train it on labelled pictures \(npx rise train\)/)
    assert.match(of("served"), /ask another model, or have one trained/)
    assert.match(of("byHeart"), /It has not learned this task, and its lessons are known by heart .* more pictures/)
    for (const measured of ["taught", "untaught", "served"] as const) assert.notMatch(of(measured), /has not learned/)
  })

  it("calls the guess of an accuracy what it is", () => {
    const { sentence } = Option.getOrThrow(
      verdict(rows({ prior: 0.4, RISE: 0.6 }, "accuracy", 50), "RISE", { name: "accuracy", direction: "higher" })
    )
    assert.include(sentence, "better than always guessing the most frequent label (0.400) by 0.200")
  })

  it("says that few pictures tell little", () => {
    assert.include(of({ prior: 0.3, RISE: 0.9 }, "higher", 9).sentence, "9 pictures are few")
  })

  it("says of a method that is worse than where it began, beyond the noise of the test set", () => {
    const of = (figures: Readonly<Record<string, number>>, n: number, method = "RISE") =>
      Option.getOrThrow(verdict(rows(figures, "accuracy", n), method, { name: "accuracy", direction: "higher" }))
    const worse = of({ prior: 0.333, base: 1, warmed: 0.133, RISE: 0.6 }, 15)
    assert.isTrue(worse.learned)
    assert.include(
      worse.sentence,
      "It is worse than the model that it began with: than base (1.000) by 0.400. Training"
    )
    assert.notInclude(worse.sentence, "warmed")
    assert.include(
      of({ prior: 0.3, base: 0.9, warmed: 0.95, RISE: 0.6 }, 100).sentence,
      "than base (0.900) by 0.300 and warmed (0.950) by 0.350."
    )
    for (
      const found of [
        of({ prior: 0.333, base: 0.667, RISE: 0.6 }, 15),
        of({ prior: 0.333, base: 1, RISE: 0 }, 1),
        of({ prior: 0.333, base: 0.5, RISE: 0.6 }, 1000),
        of({ prior: 0.333, base: 0.6, warmed: 0.9 }, 1000, "base")
      ]
    ) {
      assert.notInclude(found.sentence, "began with")
    }
    // Less is better, and figures of any size.
    const lower = (figures: Readonly<Record<string, number>>, n: number) =>
      Option.getOrThrow(verdict(rows(figures, "error", n), "RISE", { name: "error", direction: "lower" })).sentence
    assert.include(lower({ prior: 0.6, base: 0.1, RISE: 0.4 }, 100), "than base (0.100) by 0.300")
    assert.notInclude(lower({ prior: 0.6, base: 0.4, RISE: 0.1 }, 100), "began with")
    assert.include(lower({ prior: 90, base: 10, RISE: 40 }, 100), "than base (10.000) by 30.000")
  })

  it("is none where a figure is missing", () => {
    assert.isTrue(Option.isNone(verdict(rows({ RISE: 1 }, "m", 5), "RISE", { name: "m", direction: "higher" })))
  })
})
