/**
 * Emotion6 as Cornell ships it: `ground_truth.txt`, a tab-separated table of `[image_filename]`, valence, arousal and a
 * `[prob. (…)]` column per feeling, beside `images/`, one folder per search word.
 *
 * Columns are found by the feeling that their header names, in any order; valence and arousal are not read.
 *
 * @module
 */
import { Effect, FileSystem, Path, Result, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import * as Lines from "../dsl/Lines.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import * as Folder from "./Folder.ts"
import { unreadable } from "./Listing.ts"
import * as Reader from "./Options.ts"
import * as Pointer from "./Pointer.ts"
import { names } from "./Quoted.ts"
import * as Rows from "./Rows.ts"
import * as Shares from "./Shares.ts"

/** Options of `read`. */
export interface Options extends Folder.Limits {
  /** Default `ground_truth.txt`. */
  readonly table?: string
  /** How far a row's sum may be from 1; rows within are renormalised. Default 0.02. */
  readonly tolerance?: number
  /**
   * What the numbers are: shares that sum to 1, percentages that sum to 100, or votes, which are divided by their sum.
   * Default "shares".
   */
  readonly values?: "shares" | "percentages" | "votes"
}

/** In bytes: a row is a name and a few numbers. */
const longestLine = 2 ** 20

interface Columns {
  readonly file: number
  readonly labels: ReadonlyArray<number>
  readonly count: number
}

const words = (header: string): ReadonlyArray<string> => header.toLowerCase().match(/[\p{L}_]+/gu) ?? []

const columnsOf = (
  source: string,
  header: ReadonlyArray<string>,
  labels: ReadonlyArray<string>
): Result.Result<Columns, DataError> => {
  const of = (test: (names: ReadonlyArray<string>) => boolean) =>
    header.flatMap((name, i) => test(words(name)) ? [i] : [])
  const files = of((names) => names.some((name) => name.includes("filename") || name === "image"))
  const found = labels.map((label) => of((names) => names.includes("prob") && names.includes(label.toLowerCase())))
  const wrong = labels.filter((_, i) => found[i]?.length !== 1)
  const file = files[0]
  return file === undefined || files.length > 1 || wrong.length > 0
    ? Result.fail(
      new DataError({
        source,
        reason:
          `header does not fit: expected one column [image_filename] and one [prob. (…)] for each of ${
            labels.join(", ")
          }` +
          `${wrong.length > 0 ? `; none, or several, for ${wrong.join(", ")}` : ""}; found ${names(header)}`
      })
    )
    : Result.succeed({ file, labels: found.map(([i = 0]) => i), count: header.length })
}

/** What the options may be. */
const rules: Rules.Table = {
  ...Reader.limits,
  table: Reader.path,
  tolerance: Reader.tolerance,
  values: Reader.values
}

/**
 * The pictures of the folder with the shares of their viewers' votes, in the order of `labels`.
 *
 * ```ts
 * Emotion6Folder.read("Emotion6", Emotion6.task)
 * ```
 */
export const read = (
  directory: string,
  { labels }: { readonly labels: ReadonlyArray<string> },
  options: Options = {}
): Dataset<ReadonlyArray<number>, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(directory, rules, options, Reader.futile)
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const table = path.join(directory, options.table ?? "ground_truth.txt")
    const images = path.join(directory, "images")
    const nested = yield* Effect.mapError(fs.exists(images), unreadable(directory))
    const folder = yield* Folder.open(
      nested ? images : directory,
      "Emotion6 with ground_truth.txt and images/",
      options
    )

    yield* Pointer.refuse(table)

    let columns: Columns | undefined
    const seen = new Map<string, number>()
    const sample = (
      cells: ReadonlyArray<string>,
      row: number,
      header: Columns
    ): Effect.Effect<ReadonlyArray<Sample<ReadonlyArray<number>>>, Rows.BadRow> =>
      Effect.gen(function*() {
        const bad = (reason: string, detail: string) => Effect.fail<Rows.BadRow>({ reason, detail })
        if (cells.length !== header.count) {
          return yield* bad("wrong-cell-count", `${cells.length} cells, expected ${header.count}`)
        }
        const name = (cells[header.file] ?? "").trim()
        const id = yield* Effect.fromResult(folder.id(name))
        const before = seen.get(id)
        if (before !== undefined) {
          return yield* bad("duplicate-image", `image "${id}" was listed in row ${before}`)
        }
        seen.set(id, row)
        const written = header.labels.map((i) => cells[i] ?? "")
        const truth = yield* Effect.fromResult(Shares.read(labels, written, options.tolerance ?? 0.02, options.values))
        const { image } = yield* folder.picture(name)
        return [{ image, truth }]
      })

    const fail = (reason: string) => new DataError({ source: table, reason })
    return Lines.ofFile(table, {
      unreadable: (error) =>
        fail(
          error.reason._tag === "NotFound"
            ? "no such file, expected Emotion6's table"
            : `cannot be read: ${SystemFault.words(error)}`
        ),
      tooLong: fail
    }, longestLine).pipe(
      Stream.mapEffect(({ number, text }) =>
        Effect.suspend(() => {
          const cells = text.split("\t")
          if (text.trim() === "") return Effect.succeed([])
          if (columns !== undefined) return Effect.succeed([{ row: number, read: sample(cells, number, columns) }])
          return Effect.map(Effect.fromResult(columnsOf(table, cells, labels)), (found) => {
            columns = found
            return []
          })
        })
      ),
      Stream.flattenIterable,
      Rows.samples(table, "no rows below the header")
    )
  }))
