/**
 * The paper's win rate: the share of samples on which a baseline's JSD is lower than RISE's.
 */

export interface WinRate {
  /** (wins + ties / 2) / samples, of the baseline, in [0, 1]. */
  readonly rate: number
  readonly wins: number
  /** Samples on which both are equally good; half of them count for each side. */
  readonly ties: number
  readonly losses: number
  readonly samples: number
}

/** JSDs closer than this tie: the same answer, summed in another order. */
const tie = 1e-12

/**
 * Compares per-sample JSDs (lower is better) given in the same order of samples.
 *
 * @throws RangeError on lists of different length or without samples
 */
export const winRate = (baseline: ReadonlyArray<number>, rise: ReadonlyArray<number>): WinRate => {
  const samples = baseline.length
  if (samples !== rise.length) {
    throw new RangeError(`a win rate needs the same samples on both sides, got ${samples} and ${rise.length}`)
  }
  if (samples === 0) throw new RangeError("a win rate needs at least one sample")
  let wins = 0
  let ties = 0
  for (const [i, divergence] of baseline.entries()) {
    const difference = divergence - (rise[i] ?? NaN)
    if (Math.abs(difference) <= tie) ties++
    else if (difference < 0) wins++
  }
  return { rate: (wins + ties / 2) / samples, wins, ties, losses: samples - wins - ties, samples }
}
