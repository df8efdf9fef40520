/**
 * Rewards per tenth of [0, 1], as a terminal shows them.
 */

/** How many rewards fell into each tenth of [0, 1]. */
export const text = (bins: ReadonlyArray<number>): string => {
  const most = Math.max(1, ...bins)
  return bins.map((count, i) =>
    `  ${(i / bins.length).toFixed(1)}–${((i + 1) / bins.length).toFixed(1)} ${String(count).padStart(6)} ${
      "█".repeat(Math.round(count / most * 30))
    }`
  ).join("\n")
}
