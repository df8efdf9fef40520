/**
 * What the numbers of a table are: shares, percentages or votes, by what its rows sum to.
 */
import { Effect, type FileSystem, Option, Stream } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"
import type { Column } from "./Profile.ts"

/** Columns of numbers that are labels. */
export interface Amounts {
  readonly columns: ReadonlyArray<Column>
  readonly values: Shares.Values
  /** Every row has all of it on one label. */
  readonly single: boolean
  /** Least and most that a row sums to. */
  readonly sums: readonly [least: number, most: number]
}

interface Sums {
  rows: number
  ones: number
  hundreds: number
  single: boolean
  least: number
  most: number
}

const tolerance = 0.02
const near = (sum: number, whole: number) => Math.abs(sum - whole) <= whole * tolerance + 1e-9

const judged = (columns: ReadonlyArray<Column>, sums: Sums): Option.Option<Amounts> => {
  const { hundreds, least, most, ones, rows, single } = sums
  if (columns.length < 2 || rows === 0) return Option.none()
  const found = (values: Shares.Values) => Option.some({ columns, values, single, sums: [least, most] as const })
  const isWhole = columns.every((column) => column.isWhole)
  if (2 * hundreds >= rows && (columns.some(({ hasPercents }) => hasPercents) || most > 1)) return found("percentages")
  // One vote each, and now and then two.
  if (isWhole && ones < rows) return found("votes")
  return 2 * ones >= rows ? found("shares") : Option.none()
}

/** Sums up rows over several choices of columns at once, and says what each is, if anything. */
export const of = (
  { header, number, records }: Table.Table,
  choices: ReadonlyArray<ReadonlyArray<Column>>
): Effect.Effect<ReadonlyArray<Option.Option<Amounts>>, DataError, FileSystem.FileSystem> =>
  records.pipe(
    Stream.runFold(
      (): ReadonlyArray<Sums> =>
        choices.map(() => ({ rows: 0, ones: 0, hundreds: 0, single: true, least: Infinity, most: -Infinity })),
      (all, { cells }) => {
        if (cells.length !== header.length) return all
        for (const [i, sums] of all.entries()) {
          const numbers = (choices[i] ?? []).map(({ index }) => Shares.amountOf(number(cells[index] ?? "")) ?? NaN)
          const sum = numbers.reduce((total, value) => total + value, 0)
          // Rows without numbers, or without any vote, are set aside by their reader.
          if (!(sum > 0)) continue
          sums.rows++
          if (near(sum, 1)) sums.ones++
          if (near(sum, 100)) sums.hundreds++
          sums.single &&= numbers.filter((value) => value > 1e-9).length === 1
          sums.least = Math.min(sums.least, sum)
          sums.most = Math.max(sums.most, sum)
        }
        return all
      }
    ),
    Effect.map((all) => all.map((sums, i) => judged(choices[i] ?? [], sums)))
  )

const rounded = (value: number) => String(Number(value.toFixed(4)))

/** `votes: rows sum to 3 to 10, read as shares`. */
export const noteOn = ({ sums: [least, most], values }: Amounts): string => {
  const range = rounded(least) === rounded(most) ? rounded(least) : `${rounded(least)} to ${rounded(most)}`
  return `${values}: rows sum to ${range}${values === "shares" ? "" : ", read as shares"}`
}
