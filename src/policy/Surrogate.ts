/**
 * Group-relative losses in plain numbers, with their derivatives: what an engine is sent that takes per-token
 * advantages and knows none of them. `kernels/train/Objectives.ts` has the same as a graph.
 *
 * With l the log-probability of a token at the weights as they are, the gradient of any loss L over log-probabilities
 * is Σ (∂L/∂l)·∇l. An importance-sampling loss −Σ e^(l − l')·a with l' = l and a = −∂L/∂l has the same gradient. So
 * every objective goes over one wire: its losses, clipping and KL are computed here, from log-probabilities that the
 * engine has just told.
 */
import type { Divergence, Form } from "../kernels/train/index.ts"
import { type GroupRelative, sapoGate } from "./Objective.ts"
import * as Ratios from "./Ratios.ts"

/** The tokens of one completion, as their loss sees them. */
export interface Sequence {
  /** Log-probabilities now, in nats. */
  readonly logprobs: ArrayLike<number>
  /** Log-probabilities when they were drawn. */
  readonly old: ArrayLike<number>
  /** Log-probabilities under the reference; those of the draw where there is none. */
  readonly reference: ArrayLike<number>
  readonly advantages: ArrayLike<number>
  /** Of each of its tokens. */
  readonly weight: number
}

export interface Terms {
  /** Its part of the loss. */
  readonly loss: number
  /** ∂loss/∂logprob of each token. */
  readonly slopes: Float64Array
  /** Sum over its tokens of the estimate of the KL divergence to the reference, in nats. */
  readonly divergence: number
}

/** What a loss is told beside the numbers of its tokens. */
export type Knobs = Pick<GroupRelative, "clip" | "kl" | "gate">

/** What a loss is made of, by the objective's own words. */
export const formOf = (
  { entropy = 0, kl, klEstimator = "k3", loss }: Pick<GroupRelative, "loss" | "kl" | "klEstimator" | "entropy">
): Form => ({
  surrogate: loss === "cispo" ? "weighted" : loss === "sapo" ? "gated" : "clipped",
  ratio: loss === "gspo" ? "sequence" : "token",
  // Without a penalty there is one graph.
  divergence: kl > 0 ? klEstimator : "k3",
  entropy: entropy > 0
})

/** Weighted negative log-likelihood, eq. 8. */
export const supervised = (logprob: number, weight: number): { readonly loss: number; readonly slope: number } => ({
  loss: -weight * logprob,
  slope: -weight
})

/** A value with its derivatives by the ratio, and by the token's own log-probability where that is held fixed. */
interface Part {
  readonly value: number
  readonly byRatio: number
  readonly byLogprob: number
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** What is maximised of a token. */
const surrogate = (
  { surrogate = "clipped" }: Form,
  { clip, gate = sapoGate }: Knobs,
  { advantage, logprob, ratio }: { readonly advantage: number; readonly logprob: number; readonly ratio: number }
): Part => {
  switch (surrogate) {
    case "clipped": {
      const within = Ratios.bounded(ratio, clip) * advantage
      const held = within < ratio * advantage
      // A clipped token is held by its bound alone, which does not move with the weights.
      return { value: held ? within : ratio * advantage, byRatio: held ? 0 : advantage, byLogprob: 0 }
    }
    case "weighted": {
      const weight = Ratios.bounded(ratio, clip)
      return { value: weight * advantage * logprob, byRatio: 0, byLogprob: weight * advantage }
    }
    case "gated": {
      const temperature = advantage > 0 ? gate.positive : gate.negative
      const open = sigmoid(temperature * (ratio - 1))
      return { value: 4 / temperature * open * advantage, byRatio: 4 * open * (1 - open) * advantage, byLogprob: 0 }
    }
  }
}

/** The penalty of a token, of the gap log reference − log π. */
const divergence = (estimator: Divergence, gap: number, ratio: number): Part => {
  const k3 = Math.exp(gap) - gap - 1
  const slope = 1 - Math.exp(gap)
  switch (estimator) {
    case "k3":
      return { value: k3, byRatio: 0, byLogprob: slope }
    case "k1":
      return { value: -ratio * gap, byRatio: -gap, byLogprob: ratio }
    case "k3-corrected":
      return { value: ratio * k3, byRatio: k3, byLogprob: ratio * slope }
  }
}

/** A completion's part of a group-relative loss, and the slopes of its tokens. */
export const groupRelative = (form: Form, sequence: Sequence, knobs: Knobs): Terms => {
  const { advantages, logprobs, old, reference, weight } = sequence
  const count = logprobs.length
  const ratios = Ratios.of(form, logprobs, old)
  const slopes = new Float64Array(count)
  /** By the log of the one ratio of a sequence. */
  let shared = 0
  let [loss, sum] = [0, 0]
  for (let k = 0; k < count; k++) {
    const [logprob, ratio] = [logprobs[k] ?? NaN, ratios[k] ?? NaN]
    const gain = surrogate(form, knobs, { advantage: advantages[k] ?? NaN, logprob, ratio })
    const penalty = divergence(form.divergence ?? "k3", (reference[k] ?? NaN) - logprob, ratio)
    const byRatio = gain.byRatio - knobs.kl * penalty.byRatio
    // A ratio without bound moves nothing where a bound holds it.
    const byLogRatio = byRatio === 0 ? 0 : -weight * ratio * byRatio
    slopes[k] = -weight * (gain.byLogprob - knobs.kl * penalty.byLogprob)
    if (form.ratio === "sequence") shared += byLogRatio
    else slopes[k] = (slopes[k] ?? 0) + byLogRatio
    loss -= weight * (gain.value - knobs.kl * penalty.value)
    sum += penalty.value
  }
  if (form.ratio === "sequence") { for (let k = 0; k < count; k++) slopes[k] = (slopes[k] ?? 0) + shared / count }
  return { loss, slopes, divergence: sum }
}
