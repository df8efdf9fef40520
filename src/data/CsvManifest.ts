/**
 * `image,label,label,…`: a CSV manifest of images with a distribution over labels per row.
 *
 * ```csv
 * image,anger,disgust,fear,joy,sadness,surprise,neutral
 * train/0001.png,0.1,0.7,0,0,0,0.1,0.1
 * ```
 *
 * Streams the file (RFC 4180: quoted fields, LF or CRLF). Cells are parted by commas, semicolons (then with decimal
 * commas) or tabs, as the header is; the text is UTF-8, UTF-16 with a byte order mark, or Windows-1252 where it is no
 * UTF-8, which is warned of. A first column without a name is an index and left alone. A column `split` that names
 * halves, `train`, `val` or `test`, says which rows are read. A bad header is an error; a bad
 * row is quarantined, and so is a line whose quotes do not close. Paths may not leave the manifest's folder, by links
 * neither.
 *
 * @module
 */
import { Effect, FileSystem, Option, Path, Result, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import * as Image from "../kernels/image/Image.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import * as Folder from "./Folder.ts"
import { unreadable } from "./Listing.ts"
import * as Reader from "./Options.ts"
import { names } from "./Quoted.ts"
import * as Rows from "./Rows.ts"
import * as Shares from "./Shares.ts"
import * as Spelling from "./Spelling.ts"
import * as SplitColumn from "./SplitColumn.ts"
import * as Table from "./Table.ts"

/** A row that has not been looked up on the disk. */
interface Labelled {
  readonly id: string
  readonly truth: ReadonlyArray<number>
}

/** Options of `read`. */
export interface Options {
  /** Folder that image paths are relative to. Default: the manifest's. */
  readonly folder?: string
  /** How far a row's sum may be from 1; rows within are renormalised. Default 0.02. */
  readonly tolerance?: number
  /**
   * What the numbers are: shares that sum to 1, percentages that sum to 100, or votes, which are divided by their sum.
   * Default "shares".
   */
  readonly values?: "shares" | "percentages" | "votes"
  /**
   * Which rows are read of a table with a column `split`, which no label of the task is called by: those of a half, or
   * `"all"`. Default: those to train on, where the column names halves in every row, which is warned of.
   */
  readonly split?: SplitColumn.Split
}

/** Where each label's column is, in label order. */
interface Columns {
  readonly image: number
  readonly labels: ReadonlyArray<number>
  /** -1 where there is none. */
  readonly split: number
  readonly count: number
}

const quoted = (columns: ReadonlyArray<string>) => names(columns, 20)

/** Where the column of halves is; -1 where there is none, or it is a label's. */
const splitIn = (columns: ReadonlyArray<string>, labels: ReadonlyArray<string>): number => {
  const at = SplitColumn.indexIn(columns)
  return labels.some((label) => Spelling.composed(label) === columns[at]) ? -1 : at
}

/** Matches a header with the task's labels; the columns may come in any order. */
const columnsOf = (
  source: string,
  columns: ReadonlyArray<string>,
  labels: ReadonlyArray<string>,
  /** Why a column `split` is none of halves. */
  foreign: string | undefined
): Result.Result<Columns, DataError> => {
  const expected = ["image", ...labels].map(Spelling.composed)
  const split = foreign === undefined ? splitIn(columns, labels) : -1
  const missing = expected.filter((name) => !columns.includes(name))
  const unknown = columns.filter((name, i) => !expected.includes(name) && !Table.isIndex(name, i) && i !== split)
  const repeated = columns.filter((name, i) => columns.indexOf(name) !== i)
  const faults = [
    ...missing.length > 0 ? [`missing ${quoted(missing)}`] : [],
    ...unknown.length > 0 ? [`unknown ${quoted(unknown)}`] : [],
    ...repeated.length > 0 ? [`repeated ${quoted(repeated)}`] : []
  ]
  return faults.length > 0
    ? Result.fail(
      new DataError({
        source,
        reason: `header does not fit the task: ${faults.join("; ")}. Expected the columns ${quoted(expected)}, found ${
          quoted(columns)
        }${foreign === undefined ? "" : `. "${SplitColumn.column}" would be read as halves, but ${foreign}`}`
      })
    )
    : Result.succeed({
      image: columns.indexOf("image"),
      labels: labels.map((label) => columns.indexOf(Spelling.composed(label))),
      split,
      count: columns.length
    })
}

/** What the options may be. */
const rules: Rules.Table = {
  folder: Reader.path,
  tolerance: Reader.tolerance,
  values: Reader.values,
  split: Reader.split
}

/** Opens a manifest. */
const open = (manifest: string) => Table.open(manifest, "a CSV manifest")

/** What the column of halves says in every row that can be read; nothing where there is none. */
const halvesIn = (manifest: string, labels: ReadonlyArray<string>) =>
  Stream.unwrap(Effect.map(open(manifest), ({ header, records }) => {
    const at = splitIn(header, labels)
    if (at < 0) return Stream.empty
    return records.pipe(
      Stream.map(({ cells }) => Result.getOrElse(cells, () => [])),
      Stream.filter((cells) => cells.length === header.length),
      Stream.map((cells) => cells[at])
    )
  }))

/**
 * The data set of a manifest. Rows whose image file is missing, listed before, outside the folder or larger than 64
 * MiB, whose shares are not a distribution or whose quotes are broken go to the quarantine. Fails on a missing file, a
 * header without exactly the task's labels, and when no row is left. Remembers the image paths of one pass, to find
 * duplicates.
 *
 * ```ts
 * CsvManifest.read("faces/train.csv", Emotion6.task)
 * ```
 */
export const read = (
  manifest: string,
  { labels }: { readonly labels: ReadonlyArray<string> },
  options: Options = {}
): Dataset<ReadonlyArray<number>, DataError, FileSystem.FileSystem | Path.Path> => {
  let warned = false
  const halves = SplitColumn.found(manifest, halvesIn(manifest, labels), true)
  return Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(manifest, rules, options, Reader.futile)
    const path = yield* Path.Path
    const root = path.resolve(options.folder ?? path.dirname(manifest))
    const { tolerance = 0.02, values } = options
    const fail = (reason: string) => new DataError({ source: manifest, reason })
    // Opened for the first row: of a manifest that is not there, that is what is to be said.
    const folder = yield* Effect.cached(Folder.open(root, "the manifest's pictures"))
    const table = yield* open(manifest)
    if (table.header.length === 0) {
      return yield* fail(`the file is empty, expected a header: image,${labels.join(",")}`)
    }
    const hasSplit = splitIn(table.header, labels) >= 0
    if (options.split !== undefined && !hasSplit) {
      return yield* fail(SplitColumn.absent(options.split, SplitColumn.among(table.header)))
    }
    const { foreign, split }: SplitColumn.Found = options.split !== undefined
      ? { split: options.split }
      : hasSplit
      ? yield* halves
      : { split: "all" }
    const columns = yield* Effect.fromResult(columnsOf(manifest, table.header, labels, foreign))
    if (table.encoding === "windows-1252" && !warned) {
      warned = true
      yield* warn(`${manifest} is not UTF-8: read as Windows-1252. Save it as UTF-8 where names come out wrong`)
    }

    const seen = new Map<string, number>()

    /** Everything about a row that does not touch the disk; nothing of one of another half. */
    const parse = (
      found: Table.Record["cells"],
      row: number
    ): Result.Result<Labelled | undefined, Rows.BadRow> =>
      Result.gen(function*() {
        const cells = yield* found
        if (cells.length !== columns.count) {
          return yield* Result.fail<Rows.BadRow>({
            reason: "wrong-cell-count",
            detail: `${cells.length} cells, expected ${columns.count}`
          })
        }
        if (!(yield* SplitColumn.holds(cells[columns.split], split))) return undefined
        const name = (cells[columns.image] ?? "").trim()
        const id = yield* Folder.within(path, root, name)
        const before = seen.get(id)
        if (before !== undefined) {
          return yield* Result.fail<Rows.BadRow>({
            reason: "duplicate-image",
            detail: `image "${id}" was listed in row ${before}`
          })
        }
        const truth = yield* Shares.read(
          labels,
          columns.labels.map((column) => table.number(cells[column] ?? "")),
          tolerance,
          values
        )
        seen.set(id, row)
        return { id, truth }
      })

    return table.records.pipe(
      Stream.map(({ cells, row }) => ({ row, parsed: parse(cells, row) })),
      Stream.filter(({ parsed }) => Result.isFailure(parsed) || parsed.success !== undefined),
      Stream.map(({ parsed, row }) => {
        const read = Effect.gen(function*() {
          const found = yield* Effect.fromResult(parsed)
          if (found === undefined) return []
          const { id, truth } = found
          const place = yield* (yield* folder).file(id)
          return [{ image: Image.file(place, id), truth }]
        })
        return { row, read }
      }),
      Rows.samples(manifest, SplitColumn.none(split) ?? "no rows below the header")
    )
  }))
}

/** The manifests of a folder. */
export interface Splits {
  /** Path of `train.csv`. */
  readonly train: string
  /** What methods are compared on: `test.csv`, or `val.csv` where there is no test. */
  readonly test: string
  /** `val.csv` where there is a `test.csv` besides. */
  readonly validation: Option.Option<string>
}

/** Finds `train.csv` and `val.csv` or `test.csv` in a folder; says what it expected when they are not there. */
export const splits = (folder: string): Effect.Effect<Splits, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const fail = (reason: string) => new DataError({ source: folder, reason })
    const info = yield* Effect.mapError(
      fs.stat(folder),
      (error) =>
        fail(
          error.reason._tag === "NotFound"
            ? "no such folder, expected one with train.csv and val.csv or test.csv"
            : `cannot be read: ${SystemFault.words(error)}`
        )
    )
    if (info.type !== "Directory") {
      return yield* fail("not a folder, expected one with train.csv and val.csv or test.csv")
    }
    const find = (name: string) =>
      Effect.map(
        Effect.mapError(fs.exists(path.join(folder, name)), unreadable(folder)),
        (there) => there ? Option.some(path.join(folder, name)) : Option.none()
      )
    const [train, val, test] = yield* Effect.all([find("train.csv"), find("val.csv"), find("test.csv")])
    if (Option.isNone(train)) return yield* fail("no train.csv in it, expected train.csv and val.csv or test.csv")
    const held = Option.isSome(test) ? test : val
    if (Option.isNone(held)) return yield* fail("train.csv has no val.csv or test.csv beside it to evaluate on")
    return { train: train.value, test: held.value, validation: Option.isSome(test) ? val : Option.none() }
  })
