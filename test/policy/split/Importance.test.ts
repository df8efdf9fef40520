/** Laws of truncated importance weights. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"
import * as Importance from "../../../src/policy/split/Importance.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

/** A distribution over `n` tokens, as log-probabilities in float64. */
const distribution = (seed: number, what: string, n: number): ReadonlyArray<number> => {
  const draw = Keyed.stream(seed, what)
  const logits = Array.from({ length: n }, () => 3 * draw.next())
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return logits.map((logit) => logit - total)
}

const of = (trainer: ReadonlyArray<number>, sampler: ReadonlyArray<number>, bound: number) =>
  Importance.of(Float32Array.from(trainer), Float32Array.from(sampler), bound)

describe("importance weights", () => {
  it.prop("lie from 0 to their bound, and are the ratio below it", [Seed], ([seed]) => {
    const [pi, mu] = [distribution(seed, "pi", 9), distribution(seed, "mu", 9)]
    const bound = 0.5 + 2 * Keyed.stream(seed, "bound").next()
    const { gap, truncated, weights } = of(pi, mu, bound)
    let [over, apart] = [0, 0]
    weights.forEach((weight, i) => {
      const ratio = Math.exp(pi[i]! - mu[i]!)
      assert.isTrue(weight >= 0 && weight <= bound + 1e-6)
      assert.approximately(weight, Math.min(ratio, bound), 1e-5)
      if (ratio > bound + 1e-5) over++
      apart += Math.abs(pi[i]! - mu[i]!)
    })
    assert.isAtLeast(truncated, over)
    assert.approximately(gap, apart, 1e-4)
  })

  it.prop("are 1 where both agree", [Seed], ([seed]) => {
    const pi = distribution(seed, "pi", 9)
    const { gap, truncated, weights } = of(pi, pi, 2)
    assert.deepStrictEqual([[...weights], truncated, gap], [new Array(9).fill(1), 0, 0])
  })

  it.prop("make the sampler's mean the trainer's; truncated, it is never more", [Seed], ([seed]) => {
    const [pi, mu] = [distribution(seed, "pi", 9), distribution(seed, "mu", 9)]
    const values = distribution(seed, "values", 9).map(Math.exp)
    const mean = (bound: number) => {
      const { weights } = of(pi, mu, bound)
      return values.reduce((sum, value, i) => sum + Math.exp(mu[i]!) * weights[i]! * value, 0)
    }
    const wanted = values.reduce((sum, value, i) => sum + Math.exp(pi[i]!) * value, 0)
    assert.approximately(mean(Infinity), wanted, 1e-4)
    assert.isAtMost(mean(1), mean(2) + 1e-6)
    assert.isAtMost(mean(2), wanted + 1e-4)
  })

  it("of what the sampler was sure of and the trainer never writes are nothing", () => {
    assert.deepStrictEqual([...of([-1e4, -800], [0, -0.1], 2).weights], [0, 0])
  })
})
