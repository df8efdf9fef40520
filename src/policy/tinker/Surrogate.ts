/**
 * Our objectives by their derivatives: what an engine is sent that takes per-token advantages and knows none of them.
 *
 * With l the log-probability of a token at the weights as they are, the gradient of any loss L over log-probabilities
 * is Σ (∂L/∂l)·∇l. An importance-sampling loss −Σ e^(l − l')·a with l' = l and a = −∂L/∂l has the same gradient. So
 * every objective goes over one wire: its losses, clipping and KL are computed here, from log-probabilities that the
 * engine has just told.
 */
import type { Objective } from "../Policy.ts"

/** One token of a batch, as its loss sees it. */
export interface Token {
  /** Log-probability now, in nats. */
  readonly logprob: number
  /** Log-probability when it was drawn. */
  readonly old: number
  /** Log-probability under the reference; that of the draw where there is none. */
  readonly reference: number
  readonly weight: number
  readonly advantage: number
}

export interface Term {
  /** Its part of the loss. */
  readonly loss: number
  /** ∂loss/∂logprob. */
  readonly slope: number
  /** k3 estimate of the KL divergence to the reference (Schulman 2020), in nats. */
  readonly divergence: number
  readonly clipped: boolean
}

/** Weighted negative log-likelihood, eq. 8. */
export const supervised = (logprob: number, weight: number): Pick<Term, "loss" | "slope"> => ({
  loss: -weight * logprob,
  slope: -weight
})

export type Knobs = Pick<Extract<Objective, { readonly _tag: "GroupRelative" }>, "clip" | "kl">

/**
 * The clipped surrogate with a k3 penalty (Shao et al. 2024, eq. 3 and 4; separate bounds as in DAPO), as
 * `kernels/train/Objectives.ts` has it.
 */
export const groupRelative = (
  { advantage, logprob, old, reference, weight }: Token,
  { clip, kl }: Knobs
): Term => {
  const ratio = Math.exp(logprob - old)
  const bounded = Math.min(Math.max(ratio, 1 - clip.low), 1 + clip.high)
  const clipped = bounded * advantage < ratio * advantage
  const surrogate = clipped ? bounded * advantage : ratio * advantage
  const gap = reference - logprob
  const divergence = Math.exp(gap) - gap - 1
  return {
    loss: -weight * (surrogate - kl * divergence),
    // A clipped token is held by its bound alone, which does not move with the weights.
    slope: -weight * ((clipped ? 0 : ratio * advantage) - kl * (1 - Math.exp(gap))),
    divergence,
    clipped
  }
}
