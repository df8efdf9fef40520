/**
 * Losses as expressions over the log-probabilities of the tokens that carry loss.
 *
 * Every loss is Σ w·(…): how tokens, sequences and groups are averaged is decided by the weights alone, which the
 * caller computes (see `policy/TokenWeights.ts`), so one graph serves grpo, dr_grpo and dapo.
 */
import {
  cast,
  equals,
  exp,
  less,
  maximum,
  minimum,
  mul,
  neg,
  not,
  scalar,
  sub,
  sum,
  type Tensor,
  where
} from "../graph/index.ts"

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
}

/**
 * The clipped surrogate with a k3 KL penalty (Shao et al. 2024, eq. 3 and 4; separate clip bounds as in DAPO):
 * −Σ w·(min(ρ·A, clip(ρ)·A) − β·(e^{r−l} − (r − l) − 1)).
 */
export const groupRelative = (inputs: GroupRelativeInputs): Loss => {
  const { advantages, oldLogprobs, weights } = inputs
  // Padding rows score an arbitrary token: replaced, so that no exponential of it can overflow into 0 · ∞.
  const padding = equals(weights, scalar(0))
  const logprobs = where(padding, oldLogprobs, inputs.logprobs)
  const ratio = exp(sub(logprobs, oldLogprobs))
  const clipped = minimum(maximum(ratio, inputs.clipLow), inputs.clipHigh)
  const plain = mul(ratio, advantages)
  const bounded = mul(clipped, advantages)
  const surrogate = minimum(plain, bounded)
  const gap = sub(where(padding, oldLogprobs, inputs.reference), logprobs)
  const divergence = sub(sub(exp(gap), gap), scalar(1))
  const loss = neg(sum(mul(weights, sub(surrogate, mul(inputs.kl, divergence)))))
  const counted = cast(not(padding), "f32")
  return {
    loss,
    metrics: {
      kl: sum(mul(counted, divergence)),
      clipped: sum(mul(counted, cast(less(bounded, plain), "f32")))
    }
  }
}
