/**
 * Columns of 0 and 1 that answer several questions at once: a one for the shape of a picture, and one for its colour.
 */
import { Effect, type FileSystem, Result, Stream } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Quoted from "../../Quoted.ts"
import * as Shares from "../../Shares.ts"
import type * as Table from "../../Table.ts"
import * as Scale from "../Scale.ts"
import type { Amounts } from "./Amounts.ts"
import type { Column } from "./Profile.ts"

/** What the columns look like. */
export interface Questions {
  /** Ones in every row. */
  readonly ones: number
  /** The columns of each question, as they stand beside one another; none where they do not stand so. */
  readonly groups: ReadonlyArray<ReadonlyArray<Column>>
}

const none: Questions = { ones: 1, groups: [] }

/** Looks for them among columns of votes: every row has the same number of ones, and nothing else. */
export const of = (
  { header, number, records }: Table.Table,
  { columns, tally, values }: Amounts
): Effect.Effect<Questions, DataError, FileSystem.FileSystem> => {
  const ones = Scale.onesOf(tally)
  if (values !== "votes" || ones < 2 || ones === columns.length) return Effect.succeed(none)
  const ordered = columns.toSorted((a, b) => a.index - b.index)
  // For each column the nearest one before it that has a one in the same row: a question ends between the two.
  return records.pipe(
    Stream.runFold(() => ordered.map(() => -1), (before, { cells: read }) => {
      const cells = Result.getOrElse(read, () => [])
      if (cells.length !== header.length) return before
      let last = -1
      for (const [i, { index }] of ordered.entries()) {
        if (Shares.amountOf(number(cells[index] ?? "")) !== 1) continue
        before[i] = Math.max(before[i] ?? -1, last)
        last = i
      }
      return before
    }),
    Effect.map((before): Questions => {
      const groups: Array<Array<Column>> = []
      let begin = 0
      for (const [i, column] of ordered.entries()) {
        if (i === 0 || (before[i] ?? -1) >= begin) {
          groups.push([])
          begin = i
        }
        groups.at(-1)?.push(column)
      }
      // So many ones in so many groups, of which none has two: one in each.
      const isApart = groups.length === ones && groups.every(({ length }) => length > 1)
      return { ones, groups: isApart ? groups : [] }
    })
  )
}

/** What is said of them. */
export const notes = ({ groups, ones }: Questions): ReadonlyArray<string> => {
  if (ones < 2) return []
  const flag = (columns: ReadonlyArray<Column>) => Quoted.labelsFlag(columns.map(({ name }) => name))
  return [
    `every row has ${ones} ones, which are read as shares of one question: these look like ` +
    (groups.length === 0
      ? `${ones} questions, of which --labels with the columns of one of them asks that one`
      : `${ones} questions, of which ${groups.map(flag).join(", or ")} asks one`)
  ]
}
