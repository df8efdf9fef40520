import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Similarity } from "../../../src/tasks/classification/index.ts"
import { runs, Seed, Seven, Written } from "./distributions.ts"

const uniform = new Array<number>(7).fill(1 / 7)
const ones = new Array<number>(7).fill(1)

describe("Similarity", () => {
  it.prop("is in [0, 1] for anything a model may have written", [Seven, Written], ([truth, written]) => {
    const value = Similarity.similarity(truth, written)
    assert.isTrue(value >= 0 && value <= 1, String(value))
  }, runs)

  it.prop("is in [0, 1] for any numbers at all", [
    Seven,
    Arbitrary.array(Arbitrary.schema(Schema.Number), { minLength: 7, maxLength: 7 })
  ], ([truth, values]) => {
    const value = Similarity.similarity(truth, values)
    assert.isTrue(value >= 0 && value <= 1, String(value))
  }, runs)

  it.prop("is exactly 1 for equal distributions, and less for different ones", [Seven, Seven], ([a, b]) => {
    assert.strictEqual(Similarity.similarity(a, a), 1)
    if (a.some((p, i) => Math.abs(p - b[i]!) > 1e-6)) assert.isTrue(Similarity.similarity(a, b) < 1)
  }, runs)

  it.prop("does not depend on the order of the classes", [Seven, Written, Seed], ([truth, written, seed]) => {
    const order = Keyed.stream(seed, "order").shuffle([0, 1, 2, 3, 4, 5, 6])
    const moved = Similarity.similarity(order.map((i) => truth[i]!), order.map((i) => written[i]!))
    assert.closeTo(moved, Similarity.similarity(truth, written), 1e-12)
  }, runs)

  it.prop("never pays for mass beyond 1", [Seven], ([truth]) => {
    for (const factor of [0.5, 2, 7]) {
      const value = Similarity.similarity(truth, truth.map((p) => factor * p))
      assert.isTrue(value <= Math.exp(-Math.abs(Math.log10(factor))) + 1e-12)
    }
  }, runs)

  it("the literal form pays for percents that sum to 700; the decided form does not", () => {
    // φ = exp(ln 7 − (6/7)²) and Σ = 7.
    assert.closeTo(Similarity.literal(uniform, ones), Math.exp(Math.log(7) - 36 / 49) * Math.exp(-Math.log10(7)), 1e-12)
    assert.isTrue(Similarity.literal(uniform, ones) > 1)
    assert.closeTo(Similarity.similarity(uniform, ones), Math.exp(-36 / 49) * Math.exp(-Math.log10(7)), 1e-12)
    assert.isTrue(Similarity.similarity(uniform, ones) < 1)
  })

  it.prop("both forms agree where nothing is zero and the answer sums to 1", [Seven, Seven], ([a, b]) => {
    const spread = (p: ReadonlyArray<number>) => p.map((x) => 0.9 * x + 0.1 / 7)
    assert.closeTo(Similarity.similarity(spread(a), spread(b)), Similarity.literal(spread(a), spread(b)), 1e-7)
  }, runs)

  it("matches eq. 2–5 worked by hand", () => {
    // KLD = .5 ln(.5/.8) + .5 ln(.5/.2); MSE = .09; Σ = 1.
    const kld = 0.5 * Math.log(0.5 / 0.8) + 0.5 * Math.log(0.5 / 0.2)
    assert.closeTo(Similarity.similarity([0.5, 0.5], [0.8, 0.2]), Math.exp(-(kld + 0.09)), 1e-9)
    assert.strictEqual(Similarity.similarity([1, 0], [0, 0]), 0)
    assert.throws(() => Similarity.similarity([1, 0], [1]), /expected 2 classes, got 1/)
  })
})
