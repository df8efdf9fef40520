/**
 * What the columns of a table hold, as one pass over it tells.
 */
import { Effect, type FileSystem, Result, Stream } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Address from "../../Address.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"
import * as Walk from "../../Walk.ts"
import * as Names from "../Names.ts"
import * as Nature from "./Nature.ts"

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
  /** Cells that do not end as names of pictures do. */
  readonly bare: number
  /** Cells that are addresses. */
  readonly addresses: number
  readonly nature: Nature.Nature
  /** Whether it holds numbers, or percentages. Some cells may be none: `odd`. */
  readonly isNumeric: boolean
  /** It has numbers, whatever its other cells are, and they are whole. */
  readonly isWhole: boolean
  /** It has numbers, whatever its other cells are, and they are from 0 to 1. */
  readonly isShare: boolean
  /** Some cell has a percent sign. */
  readonly hasPercents: boolean
  /** Cells that are filled and no numbers. */
  readonly odd: number
  /** The first of these. */
  readonly firstOdd: Odd | undefined
  /** The first of these that does not say that its value is missing. */
  readonly firstWord: Odd | undefined
}

/** A cell that is no number. */
export interface Odd {
  readonly cell: string
  /** The line that its record begins in. */
  readonly row: number
}

/** Different values of a column that are told apart. */
export const most = 1000

const firstValues = 20

interface Growing {
  filled: number
  bare: number
  addresses: number
  numbers: number
  missing: number
  readonly values: Set<string>
  isWhole: boolean
  isShare: boolean
  hasPercents: boolean
  firstOdd: Odd | undefined
  firstWord: Odd | undefined
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
          bare: 0,
          addresses: 0,
          numbers: 0,
          missing: 0,
          values: new Set(),
          isWhole: true,
          isShare: true,
          hasPercents: false,
          firstOdd: undefined,
          firstWord: undefined
        })),
      (columns, { cells: read, row }) => {
        const cells = Result.getOrElse(read, () => [])
        if (cells.length !== header.length) return columns
        for (const [i, column] of columns.entries()) {
          const cell = (cells[i] ?? "").trim()
          if (cell === "") continue
          column.filled++
          column.bare += Number(!Walk.isPictureName(Address.plain(cell)))
          column.addresses += Number(Address.schemeOf(cell) !== undefined)
          if (column.values.size < most) column.values.add(cell)
          const value = Shares.amountOf(number(cell))
          if (value === undefined) {
            const isMissing = Names.isMissing(cell)
            column.missing += Number(isMissing)
            column.firstOdd ??= { cell, row }
            if (!isMissing) column.firstWord ??= { cell, row }
            continue
          }
          column.numbers++
          column.isWhole &&= Number.isInteger(value)
          column.isShare &&= value >= -1e-9 && value <= 1
          column.hasPercents ||= cell.endsWith("%")
        }
        return columns
      }
    ),
    Effect.map((columns) =>
      columns.map((column, index) => {
        const {
          addresses,
          bare,
          filled,
          firstOdd,
          firstWord,
          hasPercents,
          isShare,
          isWhole,
          missing,
          numbers,
          values
        } = column
        const nature = Nature.of(filled, numbers, missing)
        const isNumeric = nature === "numbers"
        return {
          name: header[index] ?? "",
          index,
          filled,
          bare,
          addresses,
          first: [...values].slice(0, firstValues),
          different: values.size,
          nature,
          isNumeric,
          // Of a column that is doubtful as well: whoever names it by --labels has said what it is.
          isWhole: numbers > 0 && isWhole,
          isShare: numbers > 0 && isShare,
          hasPercents,
          odd: filled - numbers,
          firstOdd,
          firstWord
        }
      })
    )
  )
