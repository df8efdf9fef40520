/**
 * S(A, Â) of eq. 2–5 for soft labels.
 *
 * Departure from the paper, taken literally: eq. 4 on an unnormalised Â can be negative, so S can exceed 1 and a policy
 * is paid for percents that sum to 700. Here KLD is computed on the normalised reconstruction, MSE on the raw values,
 * and the sum term alone prices the normalisation. Then S is in [0, 1] and S(A, A) = 1 exactly. `literal` keeps the
 * paper's form.
 */
import * as Divergence from "../../kernels/math/Divergence.ts"
import type { Distribution } from "./Labels.ts"

/** "with zero values set to 1e-10". */
const floor = 1e-10
const clip = (values: Distribution): Array<number> => values.map((value) => Math.max(value, floor))

/** Mean squared error, eq. 5, of the raw values. */
const mse = (truth: Distribution, predicted: Distribution): number => {
  const squares = truth.reduce((sum, p, i) => sum + (p - (predicted[i] ?? NaN)) ** 2, 0)
  return squares / truth.length
}

/** exp(−|log₁₀ Σ Â|) of eq. 2, with the sum taken against the truth's own, which is 1 up to rounding. */
const sumTerm = (truth: Distribution, predicted: Distribution): number =>
  Math.exp(-Math.abs(Math.log10(Divergence.total(predicted) / Divergence.total(truth))))

/**
 * S(A, Â) as decided, in [0, 1]; 1 exactly for equal arguments; 0 for an Â without any mass or with values that are not
 * finite. Does not depend on the order of the classes.
 */
export const similarity = (truth: Distribution, predicted: Distribution): number => {
  if (truth.length !== predicted.length) {
    throw new RangeError(`expected ${truth.length} classes, got ${predicted.length}`)
  }
  const total = Divergence.total(predicted)
  if (!(total > 0 && total < Infinity)) return 0
  const kld = Divergence.kl(Divergence.normalise(clip(truth)), Divergence.normalise(clip(predicted)))
  const value = Math.exp(-(kld + mse(truth, predicted))) * sumTerm(truth, predicted)
  return value >= 0 ? Math.min(1, value) : 0
}

/**
 * S(A, Â) exactly as eq. 2–5 are printed, for reproductions. Not bounded by 1: uniform A over 7 classes and Â of all
 * ones give 1.44.
 */
export const literal = (truth: Distribution, predicted: Distribution): number => {
  const a = clip(truth)
  const b = clip(predicted)
  const kld = a.reduce((sum, p, i) => sum + p * Math.log(p / (b[i] ?? NaN)), 0)
  return Math.exp(-(kld + mse(a, b))) * Math.exp(-Math.abs(Math.log10(Divergence.total(b))))
}
