/**
 * Truncated importance weights: what makes a gradient from another policy's draws the gradient of this one, at bounded
 * variance.
 *
 * A token that the sampler drew with probability μ and the policy that learns would have drawn with π counts
 *
 *     w = min(π / μ, C)
 *
 * times in the loss, a constant for the gradient (truncated importance sampling: Ionides 2008; for engines that sample
 * and trainers that score, Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy RL training").
 * TRL has it as `vllm_importance_sampling_correction` (mode `token_truncate`), verl as its rollout correction at the
 * level of tokens, whose bound is 2 as well. π is of the weights before the update: the ratio that GRPO clips begins at
 * 1, whatever w is.
 */

export interface Weights {
  /** min(π/μ, C) of each token. */
  readonly weights: Float32Array
  /** How many were truncated. */
  readonly truncated: number
  /** Sum of |log π − log μ|, in nats. */
  readonly gap: number
}

/**
 * Weights of a text's tokens.
 *
 * @param trainer log-probabilities under the policy that learns, in nats
 * @param sampler log-probabilities of the draw
 * @param bound C, the largest weight
 */
export const of = (trainer: Float32Array, sampler: Float32Array, bound: number): Weights => {
  let [truncated, gap] = [0, 0]
  const weights = Float32Array.from(trainer, (logprob, i) => {
    const log = logprob - (sampler[i] ?? 0)
    gap += Math.abs(log)
    const ratio = Math.exp(log)
    if (ratio > bound) truncated++
    return Math.min(ratio, bound)
  })
  return { weights, truncated, gap }
}
