/**
 * Divergences between discrete distributions, in nats.
 *
 * Vectors are plain arrays of non-negative weights; every function normalises where its definition needs probabilities.
 */

/** Largest Jensen–Shannon divergence in nats: two distributions with disjoint support. */
export const maxJs = Math.LN2

/** Sum of the weights. */
export const total = (weights: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += weights[i]!
  return sum
}

/**
 * Weights scaled to sum to 1. All zeros become the uniform distribution: no preference is what they say.
 *
 * @throws RangeError on an empty, negative or non-finite input: callers hand in decoded values, never raw text.
 */
export const normalise = (weights: ArrayLike<number>): Array<number> => {
  const n = weights.length
  if (n === 0) throw new RangeError("a distribution needs at least one class, got none")
  const scaled = new Array<number>(n)
  let sum = 0
  let largest = 0
  for (let i = 0; i < n; i++) {
    const weight = weights[i]!
    if (!(weight >= 0 && weight < Infinity)) {
      throw new RangeError(`a weight must be finite and not negative, got ${weight} at index ${i}`)
    }
    scaled[i] = weight
    sum += weight
    if (weight > largest) largest = weight
  }
  if (largest === 0) return scaled.fill(1 / n)
  if (sum === 1) return scaled
  // Dividing by the largest first keeps sums of huge weights finite and of denormal ones exact.
  if (sum === Infinity || largest < 1e-290) {
    sum = 0
    for (let i = 0; i < n; i++) sum += scaled[i] = scaled[i]! / largest
  }
  for (let i = 0; i < n; i++) scaled[i] = scaled[i]! / sum
  return scaled
}

/**
 * Kullback–Leibler divergence Σ p ln(p / q) of two distributions of equal length, with 0 ln 0 = 0. Infinite where q is
 * 0 and p is not; eq. 4 of RISE clips at 1e-10 before calling it. Not negative, whatever the rounding.
 */
export const kl = (p: ArrayLike<number>, q: ArrayLike<number>): number => {
  sameLength(p, q)
  let sum = 0
  for (let i = 0; i < p.length; i++) {
    const pi = p[i]!
    if (pi > 0) sum += pi * Math.log(pi / q[i]!)
  }
  return Math.max(0, sum)
}

/** (1 + d) ln(1 + d) + (1 − d) ln(1 − d) for |d| ≤ 1: even, convex, 0 at 0 and 2 ln 2 at ±1. */
const bend = (d: number): number => {
  // Near 0 the two products cancel; this form keeps d² at full precision.
  if (d > -0.5 && d < 0.5) return Math.max(0, Math.log1p(-d * d) + 2 * d * Math.atanh(d))
  const up = 1 + d
  const down = 1 - d
  return (up > 0 ? up * Math.log(up) : 0) + (down > 0 ? down * Math.log(down) : 0)
}

/**
 * Jensen–Shannon divergence of the normalised inputs (eq. 11 of RISE): symmetric to the bit, in [0, ln 2], 0 only for
 * equal distributions.
 *
 * With m = (p + q) / 2 and d = (p − q) / (p + q) it is ½ Σ m ((1 + d) ln(1 + d) + (1 − d) ln(1 − d)): every term is
 * non-negative, so nothing cancels between classes.
 */
export const js = (p: ArrayLike<number>, q: ArrayLike<number>): number => {
  sameLength(p, q)
  const a = normalise(p)
  const b = normalise(q)
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    const both = a[i]! + b[i]!
    if (both > 0) sum += 0.5 * both * bend((a[i]! - b[i]!) / both)
  }
  return Math.min(maxJs, 0.5 * sum)
}

const sameLength = (p: ArrayLike<number>, q: ArrayLike<number>) => {
  if (p.length !== q.length) {
    throw new RangeError(`distributions must have the same classes, got ${p.length} and ${q.length}`)
  }
}
