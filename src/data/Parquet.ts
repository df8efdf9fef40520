/**
 * Parquet as Hugging Face ships image data sets: a column of `{bytes, path}` structs beside the columns of the
 * annotation.
 *
 * Streams row group by row group: one group is in memory at a time, as the pictures of its rows are. What a footer or a
 * page announces is held against the bytes that are there before the library reads it, so that damage ends in an error,
 * and soon.
 *
 * @module
 */
import { Effect, type FileSystem, Path, Schema, SchemaGetter, Stream } from "effect"
import type { AsyncBuffer } from "hyparquet"
import { parquetReadObjects } from "hyparquet"
import { open } from "node:fs/promises"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as Folder from "./Folder.ts"
import * as Reader from "./Options.ts"
import * as Footer from "./parquet/Footer.ts"
import * as Groups from "./parquet/Groups.ts"
import * as Pages from "./parquet/Pages.ts"
import * as Unpack from "./parquet/Unpack.ts"
import * as Pointer from "./Pointer.ts"
import * as Rows from "./Rows.ts"
import { oneHot } from "./Shares.ts"

/** Options of `read`. */
export interface Options<A> extends Folder.Limits {
  /** Reads the annotation's column, or the whole row without its picture where no column is named. */
  readonly annotation: Schema.Codec<A, unknown>
  /** Column of the annotation. Default: none, the row is the annotation. */
  readonly column?: string
  /** Column of the picture. Default `image`. */
  readonly image?: string
  /** Most bytes that a row group may unpack to. Default 1 GiB. */
  readonly maxGroupBytes?: number
}

const defaultMaxGroupBytes = 2 ** 30

/** The index of a label, Hugging Face's ClassLabel, as a distribution with all mass on it. */
export const classLabel = (labels: ReadonlyArray<string>): Schema.Codec<ReadonlyArray<number>, unknown> =>
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: labels.length - 1 })).pipe(
    Schema.decodeTo(Schema.Array(Schema.Number), {
      decode: SchemaGetter.transform((index: number) => oneHot(labels, labels[index] ?? "")),
      encode: SchemaGetter.transform((shares: ReadonlyArray<number>) => shares.indexOf(1))
    })
  )

/** A file that is read in slices, closed with the scope. */
const openFile = (file: string, fail: (reason: string) => DataError) =>
  Effect.gen(function*() {
    const because = ({ cause }: { readonly cause?: unknown }) =>
      fail(
        cause instanceof Error && "code" in cause && cause.code === "ENOENT"
          ? "no such file, expected Parquet"
          : `cannot be read: ${String(cause)}`
      )
    const handle = yield* Effect.acquireRelease(
      Effect.mapError(Effect.tryPromise(() => open(file, "r")), because),
      (opened) => Effect.promise(() => opened.close())
    )
    const { size } = yield* Effect.mapError(Effect.tryPromise(() => handle.stat()), because)
    /** The bytes from `start` to `end`. */
    const bytes = (start: number, end: number) =>
      Effect.mapError(
        Effect.tryPromise(async () => {
          const buffer = new Uint8Array(end - start)
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, start)
          if (bytesRead < buffer.length) throw new RangeError(`bytes ${start} to ${end} are beyond its end`)
          return buffer
        }),
        because
      )
    return { size, bytes }
  })

/** A part of a file as the library wants it. Never fails: the library would not notice a failure in every place. */
const part = (size: number, from: number, bytes: Uint8Array<ArrayBuffer>): AsyncBuffer => ({
  byteLength: size,
  slice: (start, end = size) => bytes.slice(Math.max(0, start - from), Math.max(0, end - from)).buffer
})

/** Values as schemas expect them: INT64 comes as bigint. */
const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== "object" || value instanceof Uint8Array || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

const Picture = Schema.Struct({
  bytes: Schema.optional(Schema.NullOr(Schema.Uint8Array)),
  path: Schema.optional(Schema.NullOr(Schema.String))
})
const decodePicture = Rows.decode(Picture, "no-image")

/** The samples of one file; none where it has no rows. `seen` holds the ids of the files before it. */
const one = <A>(
  file: string,
  seen: Set<string>,
  options: Options<A>
): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    const fail = (reason: string) => new DataError({ source: file, reason })
    const broken = (reason: string) => fail(`not Parquet, or damaged: ${reason}`)
    const { column, image: imageColumn = "image", maxGroupBytes = defaultMaxGroupBytes } = options
    const wanted = column === undefined ? undefined : [imageColumn, column]
    const { bytes, size } = yield* openFile(file, fail)
    yield* Pointer.refuse(file)
    const tail = yield* bytes(Math.max(0, size - Footer.tailBytes), size)
    const length = yield* Effect.mapError(Effect.fromResult(Footer.length(tail, size)), broken)
    const footer = yield* Effect.mapError(Effect.fromResult(Footer.parse(yield* bytes(size - length, size))), broken)
    const columns = footer.schema.children.map(({ element }) => element.name)
    const missing = (wanted ?? [imageColumn]).filter((name) => !columns.includes(name))
    if (missing.length > 0) {
      return yield* fail(`no column ${missing.map((name) => `"${name}"`).join(" and ")}, found ${columns.join(", ")}`)
    }
    const limits = { maxGroupBytes, ...(wanted && { wanted }) }
    const groups = yield* Effect.mapError(Effect.fromResult(Groups.of(footer, size, limits)), fail)
    if (groups.length === 0) return Stream.empty
    const folder = yield* Folder.open(path.dirname(file), "the folder of the Parquet file", options)
    const decodeAnnotation = Rows.decode(options.annotation, "bad-annotation")

    const sample = (
      record: Readonly<Record<string, unknown>>,
      row: number
    ): Effect.Effect<ReadonlyArray<Sample<A>>, Rows.BadRow> =>
      Effect.gen(function*() {
        const { bytes, path: name } = yield* decodePicture(record[imageColumn])
        const id = name === undefined || name === null || name === "" || seen.has(name)
          ? `${path.basename(file)}#${row}`
          : name
        seen.add(id)
        const rest = Object.fromEntries(Object.entries(record).filter(([key]) => key !== imageColumn))
        const annotation = yield* Effect.try({
          try: () => plain(column === undefined ? rest : record[column]),
          catch: (): Rows.BadRow => ({ reason: "bad-annotation", detail: "nested too deep to be read" })
        })
        const truth = yield* decodeAnnotation(annotation)
        const { image } = bytes === undefined || bytes === null
          ? yield* folder.picture(name ?? "", id)
          : yield* Folder.encoded(id, bytes, options)
        return [{ image, truth }]
      })

    /** The rows of a group as objects, all columns unpacked. */
    const records = Effect.fnUntraced(function*(group: Groups.Group) {
      const { end, index, rows, start } = group
      const held = yield* bytes(start, end)
      const allowance = { bytes: group.mostBytes, words: group.mostWords }
      for (const chunk of group.columns) {
        const checked = Pages.check(held.subarray(chunk.start - start, chunk.end - start), chunk, allowance)
        yield* Effect.mapError(Effect.fromResult(checked), (reason) => broken(`row group ${index}, ${reason}`))
      }
      const { metadata } = footer
      return yield* Effect.tryPromise({
        try: (): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> =>
          parquetReadObjects({
            file: part(size, start, held),
            metadata: { ...metadata, row_groups: metadata.row_groups.slice(index, index + 1) },
            compressors: Unpack.compressors,
            // Pictures are bytes; strings are marked as such.
            utf8: false,
            rowEnd: rows,
            ...(wanted && { columns: wanted })
          }),
        catch: (cause) => broken(`row group ${index}: ${cause instanceof Error ? cause.message : String(cause)}`)
      })
    })

    let before = 0
    return Stream.fromIterable(groups).pipe(
      Stream.mapEffect((group) =>
        Effect.map(records(group), (found) => {
          const first = before + 1
          before += found.length
          return found.map((record, i) => ({ row: first + i, read: sample(record, first + i) }))
        })
      ),
      Stream.flattenIterable,
      Rows.samples(file, "no rows in it")
    )
  }))

/** What the options may be. */
const rules: Rules.Table = {
  ...Reader.limits,
  annotation: Rules.required(Rules.any),
  column: Rules.text("a column"),
  image: Rules.text("a column"),
  maxGroupBytes: Rules.above(0)
}

/**
 * The samples of Parquet files, one after the other; a file without rows is skipped as long as another has some. A
 * picture's id is the path that stands beside its bytes, or the row's number. Fails on files that are not Parquet or
 * lack a column; a row whose picture or annotation cannot be read is set aside.
 *
 * ```ts
 * Parquet.read(["train-00000-of-00001.parquet"], { column: "label", annotation: Parquet.classLabel(labels) })
 * ```
 */
export const read = <A>(
  files: ReadonlyArray<string>,
  options: Options<A>
): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(files.join(", "), rules, options)
    const seen = new Set<string>()
    return Stream.fromIterable(files).pipe(
      Stream.flatMap((file) => one(file, seen, options)),
      // A file whose rows are all unusable has failed before this.
      Stream.concat(Stream.suspend(() => {
        if (seen.size > 0) return Stream.empty
        const reason = files.length === 0 ? "no Parquet files are named" : "no rows in it"
        return Stream.fail(new DataError({ source: files.join(", "), reason }))
      }))
    )
  }))
