/** How a loss is averaged: the weight of each token. */

/** Scales weights to sum to 1; all zero stays all zero. */
export const normalized = (weights: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<ReadonlyArray<number>> => {
  const total = weights.reduce((n, sequence) => n + sequence.reduce((m, w) => m + w, 0), 0)
  return total === 0 ? weights : weights.map((sequence) => sequence.map((w) => w / total))
}

/**
 * Weight of every token of each sequence.
 *
 * - grpo: mean over sequences of the mean over tokens (Shao et al. 2024)
 * - dr_grpo: sum over tokens divided by a constant length (Liu et al. 2025), free of the length bias
 * - dapo: mean over all tokens (Yu et al. 2025)
 */
export const groupRelative = (
  loss: "grpo" | "dr_grpo" | "dapo",
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
