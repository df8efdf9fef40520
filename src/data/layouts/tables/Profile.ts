/**
 * What the columns of a table hold, as one pass over it tells.
 */
import { Effect, type FileSystem, Result, Stream } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"

/** What a column holds. Empty cells are not counted. */
export interface Column {
  readonly name: string
  readonly index: number
  /** Cells that are not empty. */
  readonly filled: number
  /** Its first different values. */
  readonly first: ReadonlyArray<string>
  /** Different values, counted up to `most`. */
  readonly different: number
  /** Every cell is a number, or a percentage. */
  readonly isNumeric: boolean
  /** Every cell is a whole number. */
  readonly isWhole: boolean
  /** Every cell is a number from 0 to 1. */
  readonly isShare: boolean
  /** Some cell has a percent sign. */
  readonly hasPercents: boolean
}

/** Different values of a column that are told apart. */
export const most = 1000

const firstValues = 20

interface Growing {
  filled: number
  readonly values: Set<string>
  isNumeric: boolean
  isWhole: boolean
  isShare: boolean
  hasPercents: boolean
}

/** Looks at every column of a table; rows of another number of cells are left to their reader. */
export const of = (
  { header, number, records }: Table.Table
): Effect.Effect<ReadonlyArray<Column>, DataError, FileSystem.FileSystem> =>
  records.pipe(
    Stream.runFold(
      (): ReadonlyArray<Growing> =>
        header.map(() => ({
          filled: 0,
          values: new Set(),
          isNumeric: true,
          isWhole: true,
          isShare: true,
          hasPercents: false
        })),
      (columns, { cells: read }) => {
        const cells = Result.getOrElse(read, () => [])
        if (cells.length !== header.length) return columns
        for (const [i, column] of columns.entries()) {
          const cell = (cells[i] ?? "").trim()
          if (cell === "") continue
          column.filled++
          if (column.values.size < most) column.values.add(cell)
          const value = column.isNumeric ? Shares.amountOf(number(cell)) : undefined
          column.isNumeric &&= value !== undefined
          column.isWhole &&= value !== undefined && Number.isInteger(value)
          column.isShare &&= value !== undefined && value >= -1e-9 && value <= 1
          column.hasPercents ||= value !== undefined && cell.endsWith("%")
        }
        return columns
      }
    ),
    Effect.map((columns) =>
      columns.map(({ filled, hasPercents, isNumeric, isShare, isWhole, values }, index) => ({
        name: header[index] ?? "",
        index,
        filled,
        first: [...values].slice(0, firstValues),
        different: values.size,
        isNumeric: filled > 0 && isNumeric,
        isWhole: filled > 0 && isWhole,
        isShare: filled > 0 && isShare,
        hasPercents
      }))
    )
  )
