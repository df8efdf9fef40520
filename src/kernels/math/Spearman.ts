/**
 * Whether two figures rank the same things alike.
 */

/** Ranks from 1, ties at the mean of the ranks that they take. */
const ranks = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const order = values.map((value, at) => ({ value, at })).sort((a, b) => a.value - b.value)
  const found = new Array<number>(values.length).fill(0)
  for (let from = 0; from < order.length;) {
    let to = from
    while (to < order.length && order[to]?.value === order[from]?.value) to++
    for (let i = from; i < to; i++) found[order[i]?.at ?? 0] = (from + 1 + to) / 2
    from = to
  }
  return found
}

/**
 * Spearman's rank correlation, in [−1, 1]: Pearson's of the mid-ranks, which is right with ties too. NaN where all
 * values of a side are equal: nothing is ranked then.
 *
 * @throws RangeError on lists of different lengths, of fewer than two values, or with a value that is not a number
 */
export const spearman = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  if (a.length !== b.length || a.length < 2) {
    throw new RangeError(`a rank correlation needs two values or more of each, got ${a.length} and ${b.length}`)
  }
  if ([...a, ...b].some(Number.isNaN)) throw new RangeError("a value must be a number, got NaN")
  const [of, to] = [ranks(a), ranks(b)]
  const centre = (a.length + 1) / 2
  let [both, first, second] = [0, 0, 0]
  for (let i = 0; i < of.length; i++) {
    const [x, y] = [(of[i] ?? 0) - centre, (to[i] ?? 0) - centre]
    both += x * y
    first += x * x
    second += y * y
  }
  return both / Math.sqrt(first * second)
}
