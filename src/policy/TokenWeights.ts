/** How a loss is averaged: the weight of each token. */
import type { GroupLoss, GroupRelative, Rollout } from "./Policy.ts"

/**
 * Weight of every token of each sequence.
 *
 * - grpo, gspo, sapo: mean over sequences of the mean over tokens (Shao et al. 2024)
 * - dr_grpo: sum over tokens divided by a constant length (Liu et al. 2025), free of the length bias
 * - dapo, cispo: mean over all tokens (Yu et al. 2025)
 *
 * @param masked sequences that weigh nothing. They still count among the sequences, as in TRL; their tokens do not
 */
export const groupRelative = (
  loss: GroupLoss,
  lengths: ReadonlyArray<number>,
  maxTokens: number,
  masked: ReadonlyArray<boolean> = []
): ReadonlyArray<number> => {
  const total = lengths.reduce((sum, length, i) => sum + (masked[i] === true ? 0 : length), 0)
  const weight = (length: number): number => {
    switch (loss) {
      case "grpo":
      case "gspo":
      case "sapo":
        return 1 / (lengths.length * length)
      case "dr_grpo":
        return 1 / (lengths.length * maxTokens)
      case "dapo":
      case "cispo":
        return 1 / total
    }
  }
  return lengths.map((length, i) => masked[i] === true ? 0 : weight(length))
}

/** A rollout that is learned from, and the weight of each of its tokens. */
export interface Weighed {
  readonly rollout: Rollout
  readonly weight: number
}

/** Whether an objective leaves a rollout out of its loss. */
export const isMasked = (
  { maskTruncated = false }: Pick<GroupRelative, "maskTruncated">,
  { completion }: Pick<Rollout, "completion">
): boolean => maskTruncated && completion.finish === "length"

/** The rollouts that an objective learns from, with their weights: without those that are masked. */
export const learned = (objective: GroupRelative): ReadonlyArray<Weighed> => {
  const { loss, maxTokens, rollouts } = objective
  const masked = rollouts.map((rollout) => isMasked(objective, rollout))
  const lengths = rollouts.map(({ completion }) => completion.tokens.length)
  const weights = groupRelative(loss, lengths, maxTokens, masked)
  return rollouts.flatMap((rollout, i) => masked[i] === true ? [] : [{ rollout, weight: weights[i] ?? 0 }])
}
