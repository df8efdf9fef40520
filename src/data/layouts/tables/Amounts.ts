/**
 * Which columns of numbers are labels, and what their numbers are.
 */
import { Effect, type FileSystem, Option, Result, Stream } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"
import * as Scale from "../Scale.ts"
import type { Column } from "./Profile.ts"

/** Columns of numbers that are labels. */
export interface Amounts {
  readonly columns: ReadonlyArray<Column>
  readonly values: Scale.Scale
  /** Every row has all of it on one label. */
  readonly single: boolean
  readonly tally: Scale.Tally
  /** Columns of the same kind whose labels are not asked for: rows with something in them are set aside. */
  readonly others: ReadonlyArray<Column>
  /** Rows that are set aside for these. */
  readonly aside: number
  /** Columns of whole numbers beside votes that are asked for by name: of other labels, or of anything. */
  readonly unnamed: ReadonlyArray<Column>
}

interface Seen {
  tally: Scale.Tally
  single: boolean
}

const amount = (number: (cell: string) => string, cell: string) => Shares.amountOf(number(cell)) ?? NaN

/** What numbers for labels that are not asked for may sum to: what rounding leaves. */
const leftOver: Readonly<Record<Scale.Scale, number>> = { shares: 0.02, percentages: 2, votes: 0 }

/** The label that is not asked for and has the most of a row, with its cell, where they have anything. */
export const beyond = (
  { others, values }: Pick<Amounts, "others" | "values">,
  number: (cell: string) => string,
  cells: ReadonlyArray<string>
): { readonly label: string; readonly cell: string } | undefined => {
  const filled = others.map(({ index, name }) => ({ label: name, cell: (cells[index] ?? "").trim() }))
    .filter(({ cell }) => cell !== "")
    .map((found) => ({ ...found, value: amount(number, found.cell) }))
  // A cell that is no number does not say that there is nothing.
  const odd = filled.find(({ value }) => !(value >= -1e-9))
  if (odd !== undefined) return odd
  const sum = filled.reduce((total, { value }) => total + value, 0)
  return sum <= leftOver[values] + 1e-9 ? undefined : filled.toSorted((a, b) => b.value - a.value)[0]
}

/** Columns of something else fit no scale: fewer than half of the rows sum to 1 or 100, and not all are whole. */
const judged = (columns: ReadonlyArray<Column>, { single, tally }: Seen): Option.Option<Amounts> => {
  const { rows, shares } = tally
  if (columns.length < 2 || rows === 0) return Option.none()
  const scale = Scale.of(tally)
  const isWhole = columns.every((column) => column.isWhole)
  const values = scale === "votes" && !isWhole ? "shares" : scale
  return values === "shares" && 2 * shares < rows
    ? Option.none()
    : Option.some({ columns, values, single, tally, others: [], aside: 0, unnamed: [] })
}

/** Sums up rows over several choices of columns at once, and says what each is, if anything. */
export const of = (
  { header, number, records }: Table.Table,
  choices: ReadonlyArray<ReadonlyArray<Column>>
): Effect.Effect<ReadonlyArray<Option.Option<Amounts>>, DataError, FileSystem.FileSystem> =>
  records.pipe(
    Stream.runFold(
      (): ReadonlyArray<Seen> => choices.map(() => ({ tally: Scale.none, single: true })),
      (all, { cells: read }) => {
        const cells = Result.getOrElse(read, () => [])
        if (cells.length !== header.length) return all
        for (const [i, seen] of all.entries()) {
          const numbers = (choices[i] ?? []).map(({ index }) => amount(number, cells[index] ?? ""))
          // Rows without numbers, or without any vote, are set aside by their reader.
          if (!(numbers.reduce((sum, value) => sum + value, 0) > 0)) continue
          seen.tally = Scale.add(seen.tally, numbers)
          seen.single &&= numbers.filter((value) => value > 1e-9).length === 1
        }
        return all
      }
    ),
    Effect.map((all) => all.map((seen, i) => judged(choices[i] ?? [], seen)))
  )

/**
 * The same columns without some of them, `others`, and without the rows that have something in these; none where no
 * such row is left.
 */
export const without = (
  { header, number, records }: Table.Table,
  { values }: Amounts,
  columns: ReadonlyArray<Column>,
  others: ReadonlyArray<Column>
): Effect.Effect<Option.Option<Amounts>, DataError, FileSystem.FileSystem> =>
  records.pipe(
    Stream.runFold(
      (): Seen & { aside: number } => ({ tally: Scale.none, single: true, aside: 0 }),
      (seen, { cells: read }) => {
        const cells = Result.getOrElse(read, () => [])
        if (cells.length !== header.length) return seen
        if (beyond({ others, values }, number, cells) !== undefined) {
          seen.aside++
          return seen
        }
        const numbers = columns.map(({ index }) => amount(number, cells[index] ?? ""))
        if (Result.isFailure(Scale.read(values, numbers))) return seen
        seen.tally = Scale.add(seen.tally, numbers)
        seen.single &&= numbers.filter((value) => value > 1e-9).length === 1
        return seen
      }
    ),
    Effect.map(({ aside, single, tally }) =>
      tally.rows === 0 ? Option.none() : Option.some({ columns, values, single, tally, others, aside, unnamed: [] })
    )
  )

/** Numbers of a row that are shown. */
const mostShown = 4

/** What rows of several kinds are, as `mixture` counts them. */
interface Kinds {
  rows: number
  known: number
  /** The first of each kind. */
  readonly first: Map<Scale.Scale, string>
}

/**
 * `its rows are of several kinds: shares (line 2, 0.5 + 0.5), votes (line 3, 8 + 2)`; none where they are not, or where
 * most are on no scale.
 */
export const mixture = (
  { header, number, records }: Table.Table,
  columns: ReadonlyArray<Column>
): Effect.Effect<Option.Option<string>, DataError, FileSystem.FileSystem> =>
  records.pipe(
    Stream.runFold(
      (): Kinds => ({ rows: 0, known: 0, first: new Map() }),
      (found, { cells: read, row }) => {
        const cells = Result.getOrElse(read, () => [])
        if (cells.length !== header.length) return found
        const numbers = columns.map(({ index }) => amount(number, cells[index] ?? ""))
        if (!(numbers.reduce((sum, value) => sum + value, 0) > 0)) return found
        found.rows++
        const scale = Scale.ofRow(numbers)
        if (scale === undefined) return found
        found.known++
        if (found.first.has(scale)) return found
        const some = numbers.filter((value) => value !== 0)
        const more = some.length > mostShown ? " + …" : ""
        found.first.set(scale, `${scale} (line ${row}, ${some.slice(0, mostShown).join(" + ")}${more})`)
        return found
      }
    ),
    Effect.map(({ first, known, rows }) =>
      first.size < 2 || 2 * known < rows
        ? Option.none()
        : Option.some(`its rows are of several kinds: ${[...first.values()].join(", ")}; write all of them as one`)
    )
  )

/** `votes: rows sum to 3 to 10, read as shares`. */
export const noteOn = ({ tally, values }: Amounts): string => Scale.note(values, tally)
