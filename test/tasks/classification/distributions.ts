/** Random distributions for property tests: sparse, skewed, votes of a few raters, one-hot. */
import { Arbitrary, Schema } from "effect"
import { Divergence, Keyed } from "../../../src/kernels/math/index.ts"

export const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))

export const distribution = (seed: number, key: string, classes: number): Array<number> => {
  const draw = Keyed.stream(seed, `distribution/${key}`)
  const raters = draw.pick([1, 3, 15, 1000, 1e6])
  const weights = Array.from({ length: classes }, () => draw.next() < 0.3 ? 0 : Math.floor(draw.next() ** 2 * raters))
  weights[draw.int(classes)]! += 1
  return Divergence.normalise(weights)
}

/** A distribution over 7 classes. */
export const Seven = Arbitrary.map(Arbitrary.schema(Seed), (seed) => distribution(seed, "seven", 7))

/** What a model may have written: percents of any of 7 labels, whatever their sum. */
export const Written = Arbitrary.map(Arbitrary.schema(Seed), (seed) => {
  const draw = Keyed.stream(seed, "written")
  const values = Array.from({ length: 7 }, () => draw.next() < 0.4 ? 0 : (1 + draw.int(100)) / 100)
  values[draw.int(7)] = (1 + draw.int(100)) / 100
  return values
})

export const runs = { arbitrary: { runs: 400 } }
