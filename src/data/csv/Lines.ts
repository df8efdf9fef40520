/**
 * Text as lines that end with LF, CRLF or CR, under a cap: one without line ends would be held in memory whole.
 */

/** Characters that a line, and a record, may have. */
export const longest = 2 ** 20

export interface Line {
  /** From 1. */
  readonly number: number
  /** Nothing of a line that is too long. */
  readonly text: string
  /** What ends it; nothing at the end of the text. */
  readonly end: string
  readonly isTooLong: boolean
}

/** Cuts the pieces of a text into lines. */
export const cutter = () => {
  let held = ""
  let number = 0
  let isTooLong = false
  /** Whether the last piece ended with a CR: the next one tells whether an LF follows. */
  let isAfterCr = false
  const hold = (text: string) => {
    if (!isTooLong) held += text
    isTooLong ||= held.length > longest
    if (isTooLong) held = ""
  }
  const close = (end: string): Line => {
    const line = { number: ++number, text: held, end, isTooLong }
    held = ""
    isTooLong = false
    return line
  }
  return {
    /** The lines that end in a piece. */
    lines: (piece: string): ReadonlyArray<Line> => {
      if (piece === "") return []
      const found: Array<Line> = []
      let from = 0
      if (isAfterCr) {
        from = piece.startsWith("\n") ? 1 : 0
        found.push(close(from === 1 ? "\r\n" : "\r"))
      }
      const ends = /\r\n|[\r\n]/g
      ends.lastIndex = from
      isAfterCr = piece.endsWith("\r")
      for (let match = ends.exec(piece); match !== null; match = ends.exec(piece)) {
        hold(piece.slice(from, match.index))
        from = ends.lastIndex
        if (from < piece.length || !isAfterCr) found.push(close(match[0]))
      }
      hold(piece.slice(from))
      return found
    },
    /** The last line, where it has no end. */
    last: (): ReadonlyArray<Line> => isAfterCr ? [close("\r")] : held !== "" || isTooLong ? [close("")] : []
  }
}
