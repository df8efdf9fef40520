/**
 * Rows that were set aside: counted by reason, the first of them whole, and put into words.
 */
import { Schema } from "effect"

/** A sample that was set aside. */
export class Row extends Schema.Class<Row>("rise/Quarantine/Row")({
  /** The manifest or data set it stood in. */
  source: Schema.String,
  /** Its place there, from 1; of rows in a text the line that it begins in. */
  row: Schema.Int,
  /** What it is called, as "image" or "task". A "picture" is known by its name, in `detail`. Default: "row". */
  unit: Schema.optionalKey(Schema.String),
  /** A tag to count by, such as "missing-file". */
  reason: Schema.String,
  /** What was wrong, with the wrong value. */
  detail: Schema.String
}) {}

/** Why a row is set aside. */
export type Reason = Pick<Row, "reason" | "detail">

/** What was set aside of one source. */
export interface Aside {
  /** The manifest or data set. */
  readonly source: string
  /** Rows by reason. */
  readonly counts: ReadonlyMap<string, number>
  /** Rows that were set aside. */
  readonly total: number
  /** The first rows in the order they came, at most `shown`. */
  readonly first: ReadonlyArray<Row>
}

/** Rows that are told whole; the others are only counted. */
export const shown = 3

/** An `Aside` that grows. */
export interface Tally extends Aside {
  readonly add: (row: Row) => void
}

export const tally = (source: string): Tally => {
  const counts = new Map<string, number>()
  const first: Array<Row> = []
  let total = 0
  return {
    source,
    counts,
    first,
    get total() {
      return total
    },
    add: (row) => {
      counts.set(row.reason, (counts.get(row.reason) ?? 0) + 1)
      if (first.length < shown) first.push(row)
      total++
    }
  }
}

/** Longest detail that is told whole: a cell of a broken table may hold the rest of it. */
const longest = 500

/** What data say may hold anything: one line, without control characters, of a length that can be read. */
const plain = (text: string): string => {
  const line = text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
  return line.length > longest ? `${line.slice(0, longest)}… (${text.length} characters)` : line
}

/** `sum 3, missing-file 1`: the most frequent reason first. */
export const reasons = ({ counts }: Pick<Aside, "counts">): string =>
  [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`).join(", ")

/** `row 2: sum: shares sum to 0.6, expected 1 ± 0.02`; `unreadable-image: sun/1.png: the file is empty`. */
export const line = ({ detail, reason, row, unit = "row" }: Row): string =>
  `${unit === "picture" ? "" : `${unit} ${row}: `}${reason}: ${plain(detail)}`

/** An end that rows have in common is said once from so many characters on. */
const wordy = 60

/** Where the end begins that a text has in common with another, at a clause's border; its length where it is short. */
const commonFrom = (text: string, other: string): number => {
  const least = Math.max(0, text.length - other.length)
  let at = text.length
  while (at > least && text[at - 1] === other[at - 1 - text.length + other.length]) at--
  const border = /[,:;.] /g
  border.lastIndex = at
  const clause = border.exec(text)
  const from = clause === null ? text.length : clause.index + 2
  return text.length - from < wordy ? text.length : from
}

/**
 * Rows with the end of what they say left out, `…`, where the first of their reason has said it: what is to be done of
 * a reason stands once.
 */
export const brief = (rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
  const said = new Map<string, string>()
  return rows.map((row) => {
    const { detail, reason } = row
    const first = said.get(reason)
    if (first === undefined) said.set(reason, detail)
    const from = first === undefined ? detail.length : commonFrom(detail, first)
    return from === detail.length ? row : new Row({ ...row, detail: `${detail.slice(0, from)}…` })
  })
}
