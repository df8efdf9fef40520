/** How a loss is averaged: the weight of each token. */
import type { GroupLoss } from "./Policy.ts"

/**
 * Weight of every token of each sequence.
 *
 * - grpo: mean over sequences of the mean over tokens (Shao et al. 2024)
 * - dr_grpo: sum over tokens divided by a constant length (Liu et al. 2025), free of the length bias
 * - dapo: mean over all tokens (Yu et al. 2025)
 */
export const groupRelative = (
  loss: GroupLoss,
  lengths: ReadonlyArray<number>,
  maxTokens: number
): ReadonlyArray<number> => {
  const total = lengths.reduce((a, b) => a + b, 0)
  switch (loss) {
    case "grpo":
      return lengths.map((length) => 1 / (lengths.length * length))
    case "dr_grpo":
      return lengths.map(() => 1 / (lengths.length * maxTokens))
    case "dapo":
      return lengths.map(() => 1 / total)
  }
}
