/**
 * Which pictures of a stream are computed together: by their place alone, never by time, for what shares a call may
 * share its rounding. The first are few, so that their answers come soon.
 */

/** Pictures of the first batch, where others have more. */
const FIRST = 8

/** The number of the batch that a picture is in. */
export const batchOf = (at: number, batch: number): number => {
  const first = Math.min(FIRST, batch)
  return at < first ? 0 : 1 + Math.floor((at - first) / batch)
}

/** The first picture of the batch that a picture is in. */
export const beginningOf = (at: number, batch: number): number => {
  const number = batchOf(at, batch)
  return number === 0 ? 0 : Math.min(FIRST, batch) + (number - 1) * batch
}
