/**
 * How well a score tells two kinds of things apart.
 */

/**
 * Area under the ROC curve: the chance that a positive scores higher than a negative, ties counted half. Exact, by the
 * rank sum of the positives with mid-ranks for ties (Mann–Whitney), in O(n log n).
 *
 * @throws RangeError without a positive, without a negative, or on a score that is not a number
 */
export const auroc = (positives: ReadonlyArray<number>, negatives: ReadonlyArray<number>): number => {
  const [p, n] = [positives.length, negatives.length]
  if (p === 0 || n === 0) {
    throw new RangeError(`an AUROC needs scores of both kinds, got ${p} positives and ${n} negatives`)
  }
  const all = [
    ...positives.map((score) => ({ score, positive: 1 })),
    ...negatives.map((score) => ({ score, positive: 0 }))
  ]
  const bad = all.find(({ score }) => Number.isNaN(score))
  if (bad !== undefined) throw new RangeError("a score must be a number, got NaN")
  all.sort((a, b) => a.score < b.score ? -1 : a.score > b.score ? 1 : 0)
  // Twice the ranks: mid-ranks are halves, and sums of whole numbers are exact.
  let doubled = 0
  for (let from = 0; from < all.length;) {
    let to = from
    let tied = 0
    while (to < all.length && all[to]?.score === all[from]?.score) tied += all[to++]?.positive ?? 0
    doubled += tied * (from + 1 + to)
    from = to
  }
  return (doubled - p * (p + 1)) / (2 * p * n)
}
