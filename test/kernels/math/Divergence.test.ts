import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Divergence, Keyed } from "../../../src/kernels/math/index.ts"

const Classes = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 }))
const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

/** Weights with many zeros and many orders of magnitude, never all zero. */
const weights = (seed: number, key: string, n: number): Array<number> => {
  const draw = Keyed.stream(seed, key)
  const out = Array.from({ length: n }, () => draw.next() < 0.3 ? 0 : 10 ** (-12 * draw.next() ** 3))
  out[draw.int(n)] = draw.next() + 0.1
  return out
}

const Pair = Arbitrary.all([Arbitrary.schema(Seed), Arbitrary.schema(Classes)]).pipe(
  Arbitrary.map(([seed, n]) => ({
    p: Divergence.normalise(weights(seed, "p", n)),
    q: Divergence.normalise(weights(seed, "q", n))
  }))
)
const runs = { arbitrary: { runs: 500 } }

const textbook = (p: ReadonlyArray<number>, q: ReadonlyArray<number>) => {
  const against = (a: ReadonlyArray<number>) =>
    a.reduce((sum, x, i) => x === 0 ? sum : sum + x * Math.log(x / ((p[i]! + q[i]!) / 2)), 0)
  return (against(p) + against(q)) / 2
}

describe("Divergence", () => {
  it.prop("Jensen–Shannon is symmetric, at least 0 and at most ln 2", [Pair], ([{ p, q }]) => {
    const value = Divergence.js(p, q)
    assert.strictEqual(value, Divergence.js(q, p))
    assert.isTrue(value >= 0 && value <= Math.LN2, String(value))
    assert.closeTo(value, textbook(p, q), 1e-12)
  }, runs)

  it.prop("Jensen–Shannon is 0 only for equal distributions", [Pair], ([{ p, q }]) => {
    assert.strictEqual(Divergence.js(p, p), 0)
    if (p.some((x, i) => x !== q[i])) assert.isTrue(Divergence.js(p, q) > 0)
    // A difference far below what the textbook sum resolves.
    if (p.length > 1) {
      const moved = [0.5 + 1e-11, 0.5 - 1e-11]
      assert.isTrue(Divergence.js([0.5, 0.5], moved) > 0)
      assert.isTrue(textbook([0.5, 0.5], moved) < 1e-16)
    }
  }, runs)

  it("Jensen–Shannon is symmetric to the bit where its two forms meet", () => {
    // The first class has d = (p − q) / (p + q) = ½ one way round and −½ the other.
    for (const [p, q] of [[[0.75, 0.25], [0.25, 0.75]], [[0.75, 0.125, 0.125], [0.25, 0.5, 0.25]]] as const) {
      assert.strictEqual(Divergence.js(p, q), Divergence.js(q, p))
      assert.closeTo(Divergence.js(p, q), textbook(p, q), 1e-15)
    }
  })

  it("Jensen–Shannon reaches ln 2 on disjoint supports", () => {
    assert.strictEqual(Divergence.js([1, 0], [0, 1]), Math.LN2)
    assert.closeTo(Divergence.js([0.5, 0.5, 0], [0, 0, 1]), Math.LN2, 1e-15)
    // By hand: ½ (ln(1 / .75) + .5 ln(.5 / .75) + .5 ln(.5 / .25)).
    assert.closeTo(
      Divergence.js([1, 0], [0.5, 0.5]),
      0.5 * (Math.log(4 / 3) + 0.5 * Math.log(2 / 3) + 0.5 * Math.log(2)),
      1e-15
    )
  })

  it.prop("Kullback–Leibler is at least 0, and 0 for equal distributions", [Pair], ([{ p, q }]) => {
    assert.isTrue(Divergence.kl(p, q) >= 0)
    assert.strictEqual(Divergence.kl(p, p), 0)
  }, runs)

  it("Kullback–Leibler is infinite where only the first has mass", () => {
    assert.strictEqual(Divergence.kl([0.5, 0.5], [1, 0]), Infinity)
    assert.closeTo(Divergence.kl([1, 0], [0.25, 0.75]), Math.log(4), 1e-15)
  })

  it.prop("normalised weights sum to 1 and keep their proportions", [Arbitrary.schema(Seed), Classes], ([seed, n]) => {
    const raw = weights(seed, "raw", n).map((x) => 37 * x)
    const scaled = Divergence.normalise(raw)
    assert.closeTo(Divergence.total(scaled), 1, 1e-12)
    const top = raw.indexOf(Math.max(...raw))
    raw.forEach((x, i) => assert.closeTo(scaled[i]! / scaled[top]!, x / raw[top]!, 1e-12))
  }, runs)

  it("normalises what would overflow or underflow, and reads all zeros as no preference", () => {
    assert.deepStrictEqual(Divergence.normalise([1e308, 1e308]), [0.5, 0.5])
    assert.deepStrictEqual(Divergence.normalise([5e-324, 5e-324]), [0.5, 0.5])
    assert.deepStrictEqual(Divergence.normalise([0, 0, 0, 0]), [0.25, 0.25, 0.25, 0.25])
  })

  it("refuses what is not a distribution", () => {
    assert.throws(() => Divergence.normalise([]), /at least one class/)
    assert.throws(() => Divergence.normalise([1, -0.1]), /got -0.1 at index 1/)
    assert.throws(() => Divergence.normalise([NaN]), /got NaN/)
    assert.throws(() => Divergence.js([1], [0.5, 0.5]), /got 1 and 2/)
  })
})
