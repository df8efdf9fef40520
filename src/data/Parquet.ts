/**
 * Parquet as Hugging Face ships image data sets: a column of `{bytes, path}` structs beside the columns of the annotation.
 *
 * Streams row group by row group: one group is in memory at a time, as the pictures of its rows are. A group or column that
 * announces more than the limit is refused before anything is unpacked.
 */
import { Effect, FileSystem, Path, Schema, SchemaGetter, type Scope, Stream } from "effect"
import { type AsyncBuffer, type Compressors, type FileMetaData, parquetMetadataAsync, parquetReadObjects, snappyUncompress } from "hyparquet"
import { open } from "node:fs/promises"
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Folder from "./Folder.ts"
import * as Rows from "./Rows.ts"
import { oneHot } from "./Shares.ts"

export interface Options<A> extends Folder.Limits {
  /** Reads the annotation's column, or the whole row without its picture where no column is named. */
  readonly annotation: Schema.Codec<A, unknown>
  readonly column?: string
  /** Column of the picture. Default `image`. */
  readonly image?: string
  /** Most bytes that a row group may unpack to. Default 1 GiB. */
  readonly maxGroupBytes?: number
}

const defaultMaxGroupBytes = 2 ** 30
/** Rows of a group are held as objects; writers make at most a million. */
const maxGroupRows = 2 ** 22

/** The index of a label, Hugging Face's ClassLabel, as a distribution with all mass on it. */
export const classLabel = (labels: ReadonlyArray<string>): Schema.Codec<ReadonlyArray<number>, unknown> =>
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: labels.length - 1 })).pipe(
    Schema.decodeTo(Schema.Array(Schema.Number), {
      decode: SchemaGetter.transform((index: number) => oneHot(labels, labels[index] ?? "")),
      encode: SchemaGetter.transform((shares: ReadonlyArray<number>) => shares.indexOf(1))
    })
  )

/** Unpacks pages of one row group, whatever their headers say, to `most` bytes together. */
const compressors = (most: number): Compressors => {
  let left = most
  const within = (unpack: (input: Uint8Array, length: number) => Uint8Array) => (input: Uint8Array, length: number) => {
    left -= length
    if (!(left >= 0)) throw new RangeError(`its pages unpack to more than ${most} bytes`)
    return unpack(input, length)
  }
  return {
    SNAPPY: within((input, length) => {
      const page = new Uint8Array(length)
      snappyUncompress(input, page)
      return page
    }),
    GZIP: within((input, length) => gunzipSync(input, { maxOutputLength: length })),
    BROTLI: within((input, length) => brotliDecompressSync(input, { maxOutputLength: length })),
    ZSTD: within((input, length) => zstdDecompressSync(input, { maxOutputLength: length }))
  }
}

/** A file that is read in slices, closed with the scope. */
const openFile = (file: string, fail: (reason: string) => DataError): Effect.Effect<AsyncBuffer, DataError, Scope.Scope> =>
  Effect.gen(function*() {
    const because = ({ cause }: { readonly cause?: unknown }) =>
      fail(cause instanceof Error && "code" in cause && cause.code === "ENOENT" ? "no such file, expected Parquet" : `cannot be read: ${String(cause)}`)
    const handle = yield* Effect.acquireRelease(Effect.mapError(Effect.tryPromise(() => open(file, "r")), because), (opened) => Effect.promise(() => opened.close()))
    const { size } = yield* Effect.mapError(Effect.tryPromise(() => handle.stat()), because)
    return {
      byteLength: size,
      slice: async (start, end = size) => {
        const bytes = new Uint8Array(end - start)
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
        if (bytesRead < bytes.length) throw new RangeError(`bytes ${start} to ${end} are beyond the end of the file`)
        return bytes.buffer
      }
    }
  })

/** Where each row group begins, after its announced size was found bearable. */
const groups = (metadata: FileMetaData, maxGroupBytes: number, fail: (reason: string) => DataError) =>
  Effect.gen(function*() {
    let start = 0
    const ranges: Array<{ readonly start: number; readonly end: number }> = []
    for (const [i, group] of metadata.row_groups.entries()) {
      const bytes = group.columns.reduce((sum, { meta_data }) => sum + (meta_data?.total_uncompressed_size ?? 0n), 0n)
      if (bytes > BigInt(maxGroupBytes)) return yield* fail(`row group ${i} unpacks to ${bytes} bytes, at most ${maxGroupBytes} are read: write smaller row groups, or raise maxGroupBytes`)
      if (group.num_rows > BigInt(maxGroupRows)) return yield* fail(`row group ${i} has ${group.num_rows} rows, at most ${maxGroupRows} are read: write smaller row groups`)
      ranges.push({ start, end: start + Number(group.num_rows) })
      start += Number(group.num_rows)
    }
    return ranges
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

const one = <A>(file: string, seen: Set<string>, options: Options<A>): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    const fail = (reason: string) => new DataError({ source: file, reason })
    const { column, image: imageColumn = "image", maxGroupBytes = defaultMaxGroupBytes } = options
    const buffer = yield* openFile(file, fail)
    const broken = ({ cause }: { readonly cause?: unknown }) => fail(`not Parquet, or damaged: ${cause instanceof Error ? cause.message : String(cause)}`)
    const metadata = yield* Effect.mapError(Effect.tryPromise(() => parquetMetadataAsync(buffer)), broken)
    const columns = metadata.row_groups[0]?.columns.flatMap(({ meta_data }) => meta_data?.path_in_schema[0] ?? []) ?? []
    const missing = [imageColumn, ...column === undefined ? [] : [column]].filter((name) => columns.length > 0 && !columns.includes(name))
    if (missing.length > 0) return yield* fail(`no column ${missing.map((name) => `"${name}"`).join(" and ")}, found ${[...new Set(columns)].join(", ")}`)
    const ranges = yield* groups(metadata, maxGroupBytes, fail)
    const folder = yield* Folder.open(path.dirname(file), "the folder of the Parquet file", options)
    const decodeAnnotation = Rows.decode(options.annotation, "bad-annotation")

    const sample = (record: Readonly<Record<string, unknown>>, row: number): Effect.Effect<ReadonlyArray<Sample<A>>, Rows.BadRow> =>
      Effect.gen(function*() {
        const { bytes, path: name } = yield* decodePicture(record[imageColumn])
        const id = name === undefined || name === null || name === "" || seen.has(name) ? `${path.basename(file)}#${row}` : name
        seen.add(id)
        const rest = Object.fromEntries(Object.entries(record).filter(([key]) => key !== imageColumn))
        const truth = yield* decodeAnnotation(plain(column === undefined ? rest : record[column]))
        const { image } = bytes === undefined || bytes === null ? yield* folder.picture(name ?? "", id) : yield* Folder.encoded(id, bytes, options)
        return [{ image, truth }]
      })

    return Stream.fromIterable(ranges).pipe(
      Stream.mapEffect(({ end, start }) =>
        Effect.map(
          Effect.mapError(
            Effect.tryPromise((): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> =>
              parquetReadObjects({
                file: buffer,
                metadata,
                compressors: compressors(maxGroupBytes),
                // Pictures are bytes; strings are marked as such.
                utf8: false,
                rowStart: start,
                rowEnd: end,
                ...(column === undefined ? {} : { columns: [imageColumn, column] })
              })),
            broken
          ),
          (records) => records.map((record, i) => ({ row: start + i + 1, read: sample(record, start + i + 1) }))
        )),
      Stream.flattenIterable,
      Rows.samples(file, "no rows in it")
    )
  }))

/**
 * The samples of Parquet files, one after the other. A picture's id is the path that stands beside its bytes, or the row's number.
 * Fails on files that are not Parquet or lack a column; a row whose picture or annotation cannot be read is set aside.
 *
 * ```ts
 * Parquet.read(["train-00000-of-00001.parquet"], { column: "label", annotation: Parquet.classLabel(labels) })
 * ```
 */
export const read = <A>(files: ReadonlyArray<string>, options: Options<A>): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.suspend(() => {
    const seen = new Set<string>()
    return Stream.flatMap(Stream.fromIterable(files), (file) => one(file, seen, options))
  })
