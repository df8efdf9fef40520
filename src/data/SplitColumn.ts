/**
 * A column `split` of a table: which half of the data a row belongs to, as `train`, `val` or `test` and their like.
 *
 * A reader yields one stream, so it has to be said which half that is. Where nobody says, and the column names halves
 * in every row that has something in it, it is the half to train on, which is told: a model that is measured on what it
 * has learned looks better than it is.
 */
import { Effect, Result, Stream } from "effect"
import { warn } from "../kernels/runtime/Warning.ts"
import { show } from "../kernels/text/show.ts"
import * as Names from "./layouts/Names.ts"
import * as Once from "./Once.ts"
import { count, names, quoted } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"

/** What is read of a table that has such a column. */
export type Split = Names.Half | "all"

/** Its name. */
export const column = "split"

/** Where the column is among names. -1 where there is none. */
export const indexIn = (columns: ReadonlyArray<string>): number =>
  columns.findIndex((name) => name.trim().toLowerCase() === column)

/** What a cell says: nothing where it is empty. */
const textOf = (cell: unknown): string =>
  cell === undefined || cell === null ? "" : typeof cell === "string" ? cell.trim() : show(cell)

/** Whether a row is one of those that are read. One that names no half is to train on. */
export const holds = (cell: unknown, wanted: Split): Result.Result<boolean, BadRow> => {
  const text = textOf(cell)
  if (wanted === "all") return Result.succeed(true)
  const half = text === "" ? "train" : Names.halfOf(text)
  return half === undefined
    ? Result.fail({ reason: "unknown-split", detail: `${quoted(text)}, expected "train", "val" or "test"` })
    : Result.succeed(half === wanted)
}

/** Why a half cannot be read; `found` is what is there in the place of such a column. */
export const absent = (wanted: Split, found: string): string =>
  `split is "${wanted}", expected no such option: there is no column "${column}" that says which half a row belongs ` +
  `to, ${found}`

/** Columns that are none of halves, for `absent`. */
export const among = (columns: ReadonlyArray<string>): string => `found ${names(columns)}`

/** That the column holds something else, for `absent`. */
export const taken = `"${column}" is where its picture or annotation is`

/** What is said where no row is left. */
export const none = (wanted: Split): string | undefined =>
  wanted === "all" ? undefined : `no row whose "${column}" is ${wanted}`

/** What a column comes to. */
export interface Found {
  /** What is read; all where it does not name halves. */
  readonly split: Split
  /** Why it does not: its first value that is no half. */
  readonly foreign?: string
}

/** What a column says, gone through once. */
const tally = <E, R>(cells: Stream.Stream<unknown, E, R>) =>
  Stream.runFold(
    cells,
    () => ({ counts: { train: 0, test: 0, validation: 0 }, named: 0, foreign: new Array<string>() }),
    (found, cell) => {
      const text = textOf(cell)
      const half = text === "" ? "train" : Names.halfOf(text)
      if (half === undefined) {
        if (found.foreign.length === 0) found.foreign.push(text)
        return found
      }
      found.counts[half]++
      if (text !== "") found.named++
      return found
    }
  )

/**
 * What is read of a source where nobody has said: found out and told for the first who asks.
 *
 * A source whose column names halves and something else is read whole, which is told, too.
 *
 * @param cells the column, of all rows that can be read; none where there is no such column
 * @param refused whether the reader refuses a source with something else in the column: then there is nothing to tell
 */
export const found = <E, R>(
  source: string,
  cells: Stream.Stream<unknown, E, R>,
  refused = false
): Effect.Effect<Found, E, R> =>
  Once.make(Effect.gen(function*() {
    const { counts, foreign: [foreign], named } = yield* tally(cells)
    const tell = (what: string) => warn(`${source}: its column "${column}" ${what}`)
    if (foreign !== undefined) {
      if (named > 0 && !refused) {
        yield* tell(
          `names halves, and holds ${quoted(foreign)} too: every row is read, those to test on among them. ` +
            "{ split: \"train\" } reads those to train on, and sets aside what names no half"
        )
      }
      return { split: "all", foreign: `holds ${quoted(foreign)} too` } satisfies Found
    }
    const others = (["validation", "test"] as const).filter((half) => counts[half] > 0)
    if (counts.train === 0 && others.length > 1) {
      yield* tell("names validation and test, and both are read: { split: \"test\" } reads one of them")
    }
    // A file of one half is read whole.
    if (counts.train === 0 || others.length === 0) return { split: "all" } satisfies Found
    yield* tell(
      `names halves. ${count(counts.train, "row")} to train on ${counts.train === 1 ? "is" : "are"} read, ` +
        `${others.map((half) => `${counts[half]} of ${half}`).join(" and ")} are not: ` +
        `{ split: "${others.at(-1)}" } reads those, { split: "all" } every row`
    )
    return { split: "train" } satisfies Found
  })).get
