/**
 * Columns of 0 and 1 among the labels of a table that mark the row instead: `is_blurry`, `checked`.
 *
 * Two things tell them: their names, and that without them every row is whole, has one label for example. Where both
 * do, they are left out; where one does, they are labels, and that is said.
 */
import { Effect, type FileSystem, Result, Stream } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Quoted from "../../Quoted.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"
import * as Names from "../Names.ts"
import type { Column } from "./Profile.ts"

/** Columns that may be flags. */
export interface Flags {
  /** Called so, and without them every row is whole: no labels. */
  readonly left: ReadonlyArray<Column>
  /** Either of these: labels all the same. */
  readonly doubtful: ReadonlyArray<Column>
}

const none: Flags = { left: [], doubtful: [] }

/** How far rounding may take a sum from 1, or from 100: a flag adds a whole 1. */
const rounding = { 1: 0.02, 100: 0.49 } as const

interface Sums {
  rows: number
  whole: number
  /** Rows that are whole without the columns that are called as flags are. */
  wholeWithout: number
  /** The same for every column by itself. */
  readonly without: Array<number>
}

/** Looks for them among columns of labels that sum up to 1, or to 100. */
export const of = (
  { header, number, records }: Table.Table,
  columns: ReadonlyArray<Column>,
  sum: 1 | 100
): Effect.Effect<Flags, DataError, FileSystem.FileSystem> => {
  const binary = columns.filter(({ isShare, isWhole }) => isShare && isWhole)
  const isBinary = columns.map((column) => binary.includes(column))
  const called = binary.filter(({ name }) => Names.isFlag(name))
  const isCalled = columns.map((column) => called.includes(column))
  const isSum = (value: number) => Math.abs(value - sum) <= rounding[sum]
  if (binary.length === 0 || columns.length < 3) return Effect.succeed(none)
  return records.pipe(
    Stream.runFold(
      (): Sums => ({ rows: 0, whole: 0, wholeWithout: 0, without: columns.map(() => 0) }),
      (sums, { cells: read }) => {
        const cells = Result.getOrElse(read, () => [])
        if (cells.length !== header.length) return sums
        const numbers = columns.map(({ index }) => Shares.amountOf(number(cells[index] ?? "")) ?? NaN)
        let [all, flags] = [0, 0]
        for (const [i, value] of numbers.entries()) {
          all += value
          if (isCalled[i] === true) flags += value
        }
        if (!(all > 0)) return sums
        sums.rows++
        sums.whole += Number(isSum(all))
        sums.wholeWithout += Number(isSum(all - flags))
        for (const [i, value] of numbers.entries()) {
          if (isBinary[i] === true && isSum(all - value)) sums.without[i] = (sums.without[i] ?? 0) + 1
        }
        return sums
      }
    ),
    Effect.map(({ rows, whole, wholeWithout, without }) => {
      // With all of them every row is whole: they are labels, whatever they are called.
      if (rows === whole) return none
      if (called.length > 0 && wholeWithout === rows && columns.length - called.length > 1) {
        return { left: called, doubtful: [] }
      }
      const alone = columns.filter((_, i) => without[i] === rows)
      return { left: [], doubtful: alone.length > 0 ? alone : called.length < columns.length ? called : [] }
    })
  )
}

const named = (columns: ReadonlyArray<Column>) => columns.map(({ name }) => name)

/** What is said of them, beside the columns that are labels. */
export const notes = ({ doubtful, left }: Flags, labels: ReadonlyArray<Column>): ReadonlyArray<string> => {
  const some = (columns: ReadonlyArray<Column>, one: string, several: string) => columns.length === 1 ? one : several
  return [
    ...left.length === 0 ? [] : [
      `${Quoted.names(named(left))} ${some(left, "is no label, but a mark", "are no labels, but marks")} of the row: ` +
      `${some(left, "its name says so", "their names say so")}, and without ${some(left, "it", "them")} all rows sum ` +
      `to the same; where ${some(left, "it is one", "they are some")}, name all labels: ${
        Quoted.labelsFlag(named([...labels, ...left]))
      }`
    ],
    ...doubtful.length === 0 ? [] : [
      `${Quoted.names(named(doubtful))} ${some(doubtful, "reads as a mark", "read as marks")} of the row, and ` +
      `${some(doubtful, "is a label", "are labels")} here: ${
        Quoted.labelsFlag(named(labels.filter((column) => !doubtful.includes(column))))
      } leaves ${some(doubtful, "it", "them")} out`
    ]
  ]
}
