/**
 * Whether a record of several lines is one, or rows that a quote without its end has taken in.
 */
import type { Delimiter } from "../Delimiter.ts"
import { count } from "../Quoted.ts"
import * as Walk from "../Walk.ts"
import type { Line } from "./Lines.ts"
import * as Scan from "./Scan.ts"

type Cells = ReadonlyArray<string>

/** Cells without empty ones beyond the header's: some writers end every row but the header with a delimiter. */
export const fitted = (cells: Cells, width: number): Cells =>
  cells.length > width && cells.slice(width).every((cell) => cell.trim() === "") ? cells.slice(0, width) : cells

/** A record of several lines. */
export interface Joined {
  readonly lines: ReadonlyArray<Line>
  readonly cells: Cells
  /** How many of its cells stand before the first that goes on in another line. */
  readonly before: number
}

const isPicture = (cell = "") => Walk.isPictureName(cell.trim())

/**
 * Why a record is not to be believed, if it is not: it has another number of cells than the header (`width`; none of
 * the header itself), or holds a line that is a row by itself. Where the record tells its column of pictures, such a
 * row names one in that column.
 */
export const of = (
  { before, cells, lines }: Joined,
  delimiter: Delimiter,
  width: number | undefined
): string | undefined => {
  const fit = (some: Cells) => width === undefined ? some : fitted(some, width)
  const found = fit(cells)
  if (width !== undefined && found.length !== width) return `makes ${count(found.length, "cell")}, expected ${width}`
  const place = found.findIndex(isPicture)
  const isRow = (own: Cells) =>
    width === undefined
      ? own.length > 1 && own.some(isPicture)
      : own.length === width && (place < 0 ? width > 1 : isPicture(own[place]))
  const swallowed = lines.slice(1).find((line) => {
    const scan = Scan.make(delimiter)
    return scan.add(line)._tag === "Whole" && isRow(fit(scan.cells))
  })
  if (swallowed !== undefined) return `takes in line ${swallowed.number}, a row by itself`
  // The last line is none by itself, as it has the quote; it is one all the same if it names a picture of its own.
  const last = lines.at(-1)
  const plain = fit(last?.text.replaceAll("\"", "").split(delimiter) ?? [])
  return last !== undefined && place >= 0 && place < before && plain.length === found.length && isPicture(plain[place])
    ? `takes in line ${last.number}, which names a picture of its own`
    : undefined
}
