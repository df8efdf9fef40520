/**
 * `image,label,label,…`: a CSV manifest of images with a distribution over labels per row.
 *
 * ```csv
 * image,anger,disgust,fear,joy,sadness,surprise,neutral
 * train/0001.png,0.1,0.7,0,0,0,0.1,0.1
 * ```
 *
 * Streams the file (RFC 4180: quoted fields, LF or CRLF, a byte order mark is skipped). A bad header or broken CSV is an error;
 * a bad row is quarantined. Paths are relative to the manifest's folder and may not leave it.
 */
import { Effect, FileSystem, Option, Path, type PlatformError, Result, Stream } from "effect"
import { Csv } from "effect/encoding"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Image from "../kernels/image/Image.ts"
import * as Divergence from "../kernels/math/Divergence.ts"

/** Why a row is set aside. */
export type RowReason =
  | "wrong-cell-count"
  | "no-image"
  | "outside-folder"
  | "duplicate-image"
  | "missing-file"
  | "unreadable-file"
  | "not-a-number"
  | "negative"
  | "sum"

type Labelled = Sample<ReadonlyArray<number>>

interface BadRow {
  readonly reason: RowReason
  readonly detail: string
}

export interface Options {
  /** Folder that image paths are relative to. Default: the manifest's. */
  readonly folder?: string
  /** How far a row's sum may be from 1; rows within are renormalised. Default 0.02. */
  readonly tolerance?: number
}

/** Where each label's column is, in label order. */
interface Columns {
  readonly image: number
  readonly labels: ReadonlyArray<number>
  readonly count: number
}

const quoted = (names: ReadonlyArray<string>) => names.map((name) => `"${name}"`).join(", ")

/** Matches a header with the task's labels; the columns may come in any order. */
const columnsOf = (source: string, header: ReadonlyArray<string>, labels: ReadonlyArray<string>): Result.Result<Columns, DataError> => {
  const names = header.map((name) => name.trim())
  const expected = ["image", ...labels]
  const missing = expected.filter((name) => !names.includes(name))
  const unknown = names.filter((name) => !expected.includes(name))
  const repeated = names.filter((name, i) => names.indexOf(name) !== i)
  const faults = [
    ...missing.length > 0 ? [`missing ${quoted(missing)}`] : [],
    ...unknown.length > 0 ? [`unknown ${quoted(unknown)}`] : [],
    ...repeated.length > 0 ? [`repeated ${quoted(repeated)}`] : []
  ]
  return faults.length > 0
    ? Result.fail(new DataError({
      source,
      reason: `header does not fit the task: ${faults.join("; ")}. Expected the columns ${quoted(expected)}, found ${quoted(names)}`
    }))
    : Result.succeed({ image: names.indexOf("image"), labels: labels.map((label) => names.indexOf(label)), count: names.length })
}

const number = /^\+?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i

/** Reads the shares of a row in label order, normalised. */
const sharesOf = (
  cells: ReadonlyArray<string>,
  columns: Columns,
  labels: ReadonlyArray<string>,
  tolerance: number
): Result.Result<ReadonlyArray<number>, BadRow> => {
  const shares: Array<number> = []
  for (const [i, column] of columns.labels.entries()) {
    const cell = (cells[column] ?? "").trim()
    const bad = (reason: RowReason) => Result.fail({ reason, detail: `${labels[i]} is "${cell}", expected a share from 0 to 1` })
    if (/^-\.?\d/.test(cell)) return bad("negative")
    if (!number.test(cell) || !Number.isFinite(Number(cell))) return bad("not-a-number")
    shares.push(Number(cell))
  }
  const sum = Divergence.total(shares)
  // 1e-9: 0.98 written in decimals is still within 0.02 of 1.
  return Math.abs(sum - 1) <= tolerance + 1e-9
    ? Result.succeed(Divergence.normalise(shares))
    : Result.fail({ reason: "sum", detail: `shares sum to ${Number(sum.toFixed(6))}, expected 1 ± ${tolerance}` })
}

const ioError = (source: string) => (error: PlatformError.PlatformError) =>
  new DataError({
    source,
    reason: error.reason._tag === "NotFound" ? "no such file, expected a CSV manifest" : `cannot be read: ${error.message}`
  })

/**
 * The data set of a manifest. Rows whose image file is missing, listed before, outside the folder, or whose shares are not
 * a distribution go to the quarantine. Fails on a missing file, a header without exactly the task's labels, broken CSV, and when no row
 * is left. Remembers the image paths of one pass, to find duplicates.
 *
 * ```ts
 * CsvManifest.read("faces/train.csv", Emotion6.task)
 * ```
 */
export const read = (
  manifest: string,
  { labels }: { readonly labels: ReadonlyArray<string> },
  options: Options = {}
): Dataset<ReadonlyArray<number>, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = path.resolve(options.folder ?? path.dirname(manifest))
    const tolerance = options.tolerance ?? 0.02
    const fail = (reason: string) => new DataError({ source: manifest, reason })

    const locate = (cell: string): Result.Result<string, BadRow> => {
      const bad = (reason: RowReason, detail: string) => Result.fail({ reason, detail })
      if (cell === "") return bad("no-image", "the image cell is empty")
      const id = path.relative(folder, path.resolve(folder, cell))
      const inside = !path.isAbsolute(cell) && id !== "" && id !== ".." && !id.startsWith(`..${path.sep}`) && !path.isAbsolute(id)
      return inside ? Result.succeed(id) : bad("outside-folder", `image "${cell}" is not inside ${folder}`)
    }

    const present = (id: string): Effect.Effect<void, BadRow> =>
      Effect.matchEffect(fs.stat(path.join(folder, id)), {
        onFailure: (error) =>
          Effect.fail<BadRow>(
            error.reason._tag === "NotFound"
              ? { reason: "missing-file", detail: `no file ${path.join(folder, id)}` }
              : { reason: "unreadable-file", detail: error.message }
          ),
        onSuccess: (info) =>
          info.type === "File"
            ? Effect.void
            : Effect.fail<BadRow>({ reason: "unreadable-file", detail: `${path.join(folder, id)} is a ${info.type}, expected a file` })
      })

    let columns: Columns | undefined
    let read = 0
    let kept = 0
    const seen = new Map<string, number>()

    /** Everything about a row that does not touch the disk. */
    const parse = (cells: ReadonlyArray<string>, record: number, header: Columns): Result.Result<Labelled, BadRow> =>
      Result.gen(function*() {
        if (cells.length !== header.count) {
          return yield* Result.fail<BadRow>({ reason: "wrong-cell-count", detail: `${cells.length} cells, expected ${header.count}` })
        }
        const id = yield* locate((cells[header.image] ?? "").trim())
        const before = seen.get(id)
        if (before !== undefined) {
          return yield* Result.fail<BadRow>({ reason: "duplicate-image", detail: `image "${id}" was listed in row ${before}` })
        }
        const truth = yield* sharesOf(cells, header, labels, tolerance)
        seen.set(id, record)
        return { image: Image.file(path.join(folder, id), id), truth }
      })

    const rows = fs.stream(manifest).pipe(
      Stream.mapError(ioError(manifest)),
      Stream.pipeThroughChannelOrFail(Csv.decode()),
      Stream.mapError((error) => error._tag === "CsvError" ? fail(`line ${error.line}: ${error.message}`) : error),
      Stream.zipWithIndex,
      Stream.mapEffect(([cells, index]) =>
        Effect.gen(function*() {
          if (columns === undefined) {
            columns = yield* Effect.fromResult(columnsOf(manifest, cells, labels))
            return []
          }
          if (cells.length === 1 && cells[0]?.trim() === "") return []
          read++
          return [{ record: index + 1, parsed: parse(cells, index + 1, columns) }]
        })
      ),
      Stream.flattenIterable,
      // The disk is asked concurrently, the answers keep their order.
      Stream.mapEffect(({ parsed, record }) =>
        Effect.map(
          Result.isFailure(parsed) ? Effect.succeed(parsed) : Effect.as(present(parsed.success.image.id), parsed.success).pipe(Effect.result),
          (outcome) => ({ record, outcome })
        ), { concurrency: 16 }),
      Stream.mapEffect(({ outcome, record }) => {
        if (Result.isSuccess(outcome)) {
          kept++
          return Effect.succeed([outcome.success])
        }
        return Effect.as(Quarantine.add(new Quarantine.Row({ source: manifest, row: record, ...outcome.failure })), [])
      }),
      Stream.flattenIterable
    )
    const nothing = Stream.suspend(() => {
      if (kept > 0) return Stream.empty
      return Stream.fail(fail(
        columns === undefined
          ? `the file is empty, expected a header: image,${labels.join(",")}`
          : read === 0
          ? "no rows below the header"
          : `none of its ${read} rows is usable: see the quarantine for each row's reason`
      ))
    })
    return Stream.concat(rows, nothing)
  }))

/** The manifests of a folder. */
export interface Splits {
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
    const info = yield* Effect.mapError(fs.stat(folder), (error) =>
      fail(error.reason._tag === "NotFound" ? "no such folder, expected one with train.csv and val.csv or test.csv" : `cannot be read: ${error.message}`))
    if (info.type !== "Directory") return yield* fail("not a folder, expected one with train.csv and val.csv or test.csv")
    const find = (name: string) =>
      Effect.map(Effect.orElseSucceed(fs.exists(path.join(folder, name)), () => false), (there) => there ? Option.some(path.join(folder, name)) : Option.none())
    const [train, val, test] = yield* Effect.all([find("train.csv"), find("val.csv"), find("test.csv")])
    if (Option.isNone(train)) return yield* fail("no train.csv in it, expected train.csv and val.csv or test.csv")
    const held = Option.isSome(test) ? test : val
    if (Option.isNone(held)) return yield* fail("train.csv has no val.csv or test.csv beside it to evaluate on")
    return { train: train.value, test: held.value, validation: Option.isSome(test) ? val : Option.none() }
  })
