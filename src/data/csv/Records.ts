/**
 * Records of a delimited text (RFC 4180), of which a damaged one costs itself alone.
 *
 * A quoted cell may span lines, up to `mostLines` of them and 1 MiB. A quote that does not close could take in the rows
 * below it, up to the next quote or to the end. So a record of several lines is believed only where its quotes close as
 * they should and `Doubt` has nothing against it. Otherwise its first line is set aside, and reading goes on with the
 * second: what was taken in are rows again.
 *
 * A line is looked at a few times at most, however many quotes are open: one that opens a quote by itself closes the
 * quote that it is read within.
 */
import { Result, Stream } from "effect"
import type { Delimiter } from "../Delimiter.ts"
import type { BadRow } from "../Rows.ts"
import * as Doubt from "./Doubt.ts"
import { cutter, type Line, longest } from "./Lines.ts"
import * as Scan from "./Scan.ts"

/** A record, or why it is none. */
export interface Record {
  /** The line that it begins in, from 1; blank lines count. */
  readonly line: number
  readonly cells: Result.Result<ReadonlyArray<string>, BadRow>
}

/** Lines that a record may span. */
export const mostLines = 1000

/** A record whose last cell goes on in the next line. */
interface Begun {
  readonly first: Line
  readonly lines: Array<Line>
  readonly scan: Scan.Scan
  /** Its cells that were whole in its first line. */
  readonly before: number
  size: number
}

/** What a line leads to: a record, and lines that are to be read once more. */
interface Step {
  readonly record?: Record
  readonly again?: ReadonlyArray<Line>
}

const mending = "write a quote that belongs to the text twice and its cell in quotes, or take it out"

const broken = ({ number }: Line, why: string): Record => ({
  line: number,
  cells: Result.fail({ reason: "broken-quotes", detail: `${why}: ${mending}` })
})

/** Puts lines together; the first records, as many as `leading`, have a width of their own. */
const assembler = (delimiter: Delimiter, leading: number) => {
  let begun: Begun | undefined
  let width: number | undefined
  let ahead = leading

  const whole = ({ number }: Line, cells: ReadonlyArray<string>): Step => {
    if (ahead > 0) ahead--
    else width ??= cells.length
    return { record: { line: number, cells: Result.succeed(cells) } }
  }
  const begin = (line: Line): Step => {
    if (line.isTooLong) {
      const detail = `more than ${longest} characters in a line: the file lacks line ends, or is no table`
      return { record: { line: line.number, cells: Result.fail({ reason: "line-too-long", detail }) } }
    }
    if (!line.text.includes("\"")) return whole(line, line.text.split(delimiter))
    const scan = Scan.make(delimiter)
    const scanned = scan.add(line)
    if (scanned._tag === "Bad") return { record: broken(line, scanned.why) }
    if (scanned._tag === "Whole") return whole(line, scan.cells)
    begun = { first: line, lines: [line], scan, before: scan.cells.length, size: line.text.length }
    return {}
  }
  /** Sets the first line aside. */
  const giveUp = ({ before, first, lines }: Begun, why: string): Step => {
    begun = undefined
    return { record: broken(first, `the quote that opens in cell ${before + 1} ${why}`), again: lines.slice(1) }
  }
  const goOn = (open: Begun, line: Line): Step => {
    const { before, first, lines, scan } = open
    lines.push(line)
    open.size += line.text.length
    if (line.isTooLong || open.size > longest || lines.length > mostLines) {
      return giveUp(open, `does not close within ${mostLines} lines and ${longest} characters`)
    }
    const scanned = scan.add(line)
    if (scanned._tag === "Open") return {}
    if (scanned._tag === "Bad") return giveUp(open, `does not close before the quotes of line ${line.number}`)
    const doubt = Doubt.of({ before, cells: scan.cells, lines }, delimiter, width)
    if (doubt !== undefined) return giveUp(open, `closes in line ${line.number} and ${doubt}`)
    begun = undefined
    return whole(first, scan.cells)
  }

  /** The records that lines lead to. */
  const add = (lines: ReadonlyArray<Line>): ReadonlyArray<Record> => {
    const found: Array<Record> = []
    const left = lines.toReversed()
    for (let line = left.pop(); line !== undefined; line = left.pop()) {
      const { again = [], record } = begun === undefined ? begin(line) : goOn(begun, line)
      if (record !== undefined) found.push(record)
      for (const other of again.toReversed()) left.push(other)
    }
    return found
  }
  /** The records that are left at the end of the text. */
  const end = (): ReadonlyArray<Record> => {
    const found: Array<Record> = []
    while (begun !== undefined) {
      const { again = [], record } = giveUp(begun, "does not close")
      found.push(...record === undefined ? [] : [record], ...add(again))
    }
    return found
  }
  return { add, end }
}

/** The records of a text, whose first ones, as many as `leading`, are no part of the table. */
export const of = (delimiter: Delimiter, leading = 0) => <E, R>(text: Stream.Stream<string, E, R>) =>
  text.pipe(
    Stream.mapAccum(
      () => ({ cut: cutter(), put: assembler(delimiter, leading) }),
      (state, piece: string) => [state, state.put.add(state.cut.lines(piece))] as const,
      { onHalt: ({ cut, put }) => [...put.add(cut.last()), ...put.end()] }
    ),
    Stream.drop(leading)
  )
