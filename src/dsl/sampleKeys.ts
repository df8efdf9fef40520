/** What tells the samples of a data set apart, wherever its rows are read again. */

interface Row {
  readonly image: string
  readonly question?: string | undefined
}

/** One picture may be asked several things. Of one that is asked nothing of its own, the image id. */
export const sampleKey = ({ image, question }: Row): string => question === undefined ? image : `${image}\n${question}`

/**
 * Names samples in the order of the data: two that share both picture and question, as two data sets behind one another
 * may, are told by their turn.
 */
export const sampleKeys = (): (row: Row) => string => {
  const seen = new Map<string, number>()
  return (row) => {
    const key = sampleKey(row)
    const turn = seen.get(key) ?? 0
    seen.set(key, turn + 1)
    return turn === 0 ? key : `${key}\0${turn}`
  }
}
