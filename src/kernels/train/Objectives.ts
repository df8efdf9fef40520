/**
 * Losses as expressions over the log-probabilities of the tokens that carry loss.
 *
 * Every loss is Σ w·(…): how tokens, sequences and groups are averaged is decided by the weights alone, which the
 * caller computes (see `policy/TokenWeights.ts`), so one graph serves all ways of averaging.
 */
import { cast, equals, exp, mul, neg, not, scalar, sub, sum, type Tensor, where } from "../graph/index.ts"
import { divergences } from "./divergences.ts"
import type { Form } from "./Form.ts"
import * as Ratios from "./Ratios.ts"
import { surrogates } from "./surrogates.ts"

export interface Loss {
  /** Scalar to minimise. */
  readonly loss: Tensor
  /** Scalars to report, each already weighted. */
  readonly metrics: Readonly<Record<string, Tensor>>
}

/**
 * Weighted negative log-likelihood, eq. 8.
 *
 * @param logprobs `[rows]`, nats
 * @param weights `[rows]`; 0 for padding
 */
export const supervised = (logprobs: Tensor, weights: Tensor): Loss => ({
  loss: neg(sum(mul(weights, logprobs))),
  metrics: {}
})

export interface GroupRelativeInputs {
  /** `[rows]` of the policy being trained. */
  readonly logprobs: Tensor
  /** `[rows]`; 0 for padding */
  readonly weights: Tensor
  readonly advantages: Tensor
  /** Log-probabilities when the tokens were sampled. */
  readonly oldLogprobs: Tensor
  /** Log-probabilities under the frozen reference; equal to `oldLogprobs` where there is none. */
  readonly reference: Tensor
  /** Scalars: 1 − ε_low, 1 + ε_high, β. */
  readonly clipLow: Tensor
  readonly clipHigh: Tensor
  readonly kl: Tensor
  /** Scalars: τ of a gated surrogate where the advantage is above 0, and elsewhere. */
  readonly gate?: { readonly positive: Tensor; readonly negative: Tensor } | undefined
  /** Which sequence each row is of: the ratio is that of sequences then. */
  readonly sequences?: Ratios.Sequences | undefined
  /** Entropy of the distribution that each row was drawn from, `[rows]`, and the scalar that its sum is paid with. */
  readonly entropy?: { readonly values: Tensor; readonly coefficient: Tensor } | undefined
}

/**
 * −Σ w·(S(ρ, A) − β·D) − c·Σ H: a surrogate of ratio and advantage, a penalty for leaving the reference, and what is
 * paid for entropy. By default the clipped surrogate with a k3 penalty (Shao et al. 2024, eq. 3 and 4; separate clip
 * bounds as in DAPO).
 */
export const groupRelative = (
  inputs: GroupRelativeInputs,
  { divergence: estimator = "k3", surrogate: kind = "clipped" }: Form = {}
): Loss => {
  const { advantages, clipHigh, clipLow, gate, oldLogprobs, weights } = inputs
  // Padding rows score an arbitrary token: replaced, so that no exponential of it can overflow into 0 · ∞.
  const padding = equals(weights, scalar(0))
  const logprobs = where(padding, oldLogprobs, inputs.logprobs)
  const logRatio = sub(logprobs, oldLogprobs)
  const ratio = exp(inputs.sequences === undefined ? logRatio : Ratios.ofSequences(logRatio, inputs.sequences))
  const { clipped, value } = surrogates[kind]({ ratio, logprobs, advantages, clipLow, clipHigh, gate })
  const gap = sub(where(padding, oldLogprobs, inputs.reference), logprobs)
  const divergence = divergences[estimator](gap, ratio)
  const learned = neg(sum(mul(weights, sub(value, mul(inputs.kl, divergence)))))
  const counted = cast(not(padding), "f32")
  const entropy = inputs.entropy && sum(where(padding, scalar(0), inputs.entropy.values))
  return {
    loss: entropy === undefined ? learned : sub(learned, mul(inputs.entropy?.coefficient ?? scalar(0), entropy)),
    metrics: {
      kl: sum(mul(counted, divergence)),
      ...(clipped && { clipped: sum(mul(counted, cast(clipped, "f32"))) }),
      ...(entropy && { entropy })
    }
  }
}
