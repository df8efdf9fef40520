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
}

interface Seen {
  tally: Scale.Tally
  single: boolean
}

/** Columns of something else fit no scale: fewer than half of the rows sum to 1 or 100, and not all are whole. */
const judged = (columns: ReadonlyArray<Column>, { single, tally }: Seen): Option.Option<Amounts> => {
  const { rows, shares } = tally
  if (columns.length < 2 || rows === 0) return Option.none()
  const scale = Scale.of(tally)
  const isWhole = columns.every((column) => column.isWhole)
  const values = scale === "votes" && !isWhole ? "shares" : scale
  return values === "shares" && 2 * shares < rows ? Option.none() : Option.some({ columns, values, single, tally })
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
          const numbers = (choices[i] ?? []).map(({ index }) => Shares.amountOf(number(cells[index] ?? "")) ?? NaN)
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

/** `votes: rows sum to 3 to 10, read as shares`. */
export const noteOn = ({ tally, values }: Amounts): string => Scale.note(values, tally)
