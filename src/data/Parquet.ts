/**
 * Parquet as Hugging Face ships image data sets: a column of `{bytes, path}` structs beside the columns of the annotation.
 *
 * Streams row group by row group: one group is in memory at a time, as the pictures of its rows are. A group or column that
 * announces more than the limit is refused before anything is unpacked.
 */
import { Effect, FileSystem, Path, Result, Schema, SchemaGetter, Stream } from "effect"
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from "hyparquet"
import { parquetMetadata, parquetReadObjects, parquetSchema, snappyUncompress } from "hyparquet"
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
const openFile = (file: string, fail: (reason: string) => DataError) =>
  Effect.gen(function*() {
    const because = ({ cause }: { readonly cause?: unknown }) =>
      fail(cause instanceof Error && "code" in cause && cause.code === "ENOENT" ? "no such file, expected Parquet" : `cannot be read: ${String(cause)}`)
    const handle = yield* Effect.acquireRelease(Effect.mapError(Effect.tryPromise(() => open(file, "r")), because), (opened) => Effect.promise(() => opened.close()))
    const { size } = yield* Effect.mapError(Effect.tryPromise(() => handle.stat()), because)
    /** The bytes from `start` to `end`. */
    const bytes = (start: number, end: number) =>
      Effect.mapError(Effect.tryPromise(async () => {
        const buffer = new Uint8Array(end - start)
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, start)
        if (bytesRead < buffer.length) throw new RangeError(`bytes ${start} to ${end} are beyond its end`)
        return buffer
      }), because)
    return { size, bytes }
  })

/** A part of a file as the library wants it. Never fails: the library would not notice a failure in every place. */
const part = (size: number, from: number, bytes: Uint8Array<ArrayBuffer>): AsyncBuffer => ({
  byteLength: size,
  slice: (start, end = size) => bytes.slice(Math.max(0, start - from), Math.max(0, end - from)).buffer
})

/** A row group that can be read: its rows in the file, and its bytes there. */
interface Group {
  readonly rows: number
  readonly start: number
  readonly end: number
}

const leaves = ({ children, path }: SchemaTree): ReadonlyArray<string> => children.length === 0 ? [path.join("\0")] : children.flatMap(leaves)

/** The row groups of a footer that agrees with itself: every column of the schema once, inside the file, within the limits. */
const groups = (metadata: FileMetaData, size: number, maxGroupBytes: number): Result.Result<ReadonlyArray<Group>, string> => {
  const schema = parquetSchema(metadata)
  const paths = leaves(schema)
  const names = schema.children.map(({ element }) => element.name)
  if (new Set(names).size < names.length) return Result.fail("a column is listed twice")
  const found: Array<Group> = []
  for (const [i, { columns, num_rows: rows }] of metadata.row_groups.entries()) {
    const chunks = columns.flatMap(({ meta_data }) => meta_data === undefined ? [] : [meta_data])
    const listed = chunks.map(({ path_in_schema }) => path_in_schema.join("\0"))
    if (listed.length !== paths.length || listed.some((name, k) => name !== paths[k])) {
      return Result.fail(`row group ${i} does not have the columns of the schema`)
    }
    const places = chunks.map(({ data_page_offset, dictionary_page_offset, total_compressed_size }) => {
      const start = Number(dictionary_page_offset || data_page_offset)
      return { start: Math.min(start, Number(data_page_offset)), end: start + Number(total_compressed_size) }
    })
    if (places.some(({ end, start }) => !(start >= 4 && end > start && end <= size))) {
      return Result.fail(`row group ${i} has a column that is not inside the file`)
    }
    const start = Math.min(...places.map((place) => place.start))
    const end = Math.max(...places.map((place) => place.end))
    const unpacked = chunks.reduce((sum, { total_uncompressed_size }) => sum + total_uncompressed_size, 0n)
    if (unpacked > BigInt(maxGroupBytes) || end - start > maxGroupBytes) {
      return Result.fail(`row group ${i} unpacks to ${unpacked} bytes, at most ${maxGroupBytes} are read: write smaller row groups, or raise maxGroupBytes`)
    }
    if (!(rows >= 0n && rows <= BigInt(maxGroupRows))) {
      return Result.fail(`row group ${i} has ${rows} rows, at most ${maxGroupRows} are read: write smaller row groups`)
    }
    found.push({ rows: Number(rows), start, end })
  }
  return Result.succeed(found)
}

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
    const { bytes, size } = yield* openFile(file, fail)
    const broken = (cause: unknown) => fail(`not Parquet, or damaged: ${cause instanceof Error ? cause.message : String(cause)}`)
    // The footer is at the end: its length, and "PAR1".
    const tail = yield* bytes(Math.max(0, size - 8), size)
    const footer = size < 12 ? 0 : new DataView(tail.buffer).getUint32(0, true) + 8
    if (footer > size) return yield* broken("its footer is longer than the file")
    const end = yield* bytes(size - footer, size)
    const metadata = yield* Effect.try({ try: () => parquetMetadata(end.buffer), catch: broken })
    const ranges = yield* Effect.try({ try: () => groups(metadata, size, maxGroupBytes), catch: broken }).pipe(
      Effect.flatMap(Effect.fromResult),
      Effect.mapError((error) => typeof error === "string" ? fail(error) : error)
    )
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name)
    const missing = [imageColumn, ...column === undefined ? [] : [column]].filter((name) => !columns.includes(name))
    if (missing.length > 0) return yield* fail(`no column ${missing.map((name) => `"${name}"`).join(" and ")}, found ${columns.join(", ")}`)
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

    /** The rows of a group as objects, all columns unpacked. */
    const records = (index: number, { end: last, rows, start }: Group) =>
      Effect.flatMap(bytes(start, last), (held) =>
        Effect.tryPromise({
          try: (): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> =>
            parquetReadObjects({
              file: part(size, start, held),
              metadata: { ...metadata, row_groups: metadata.row_groups.slice(index, index + 1) },
              compressors: compressors(maxGroupBytes),
              // Pictures are bytes; strings are marked as such.
              utf8: false,
              rowEnd: rows,
              ...(column === undefined ? {} : { columns: [imageColumn, column] })
            }),
          catch: broken
        }))

    let before = 0
    return Stream.fromIterable(ranges).pipe(
      Stream.zipWithIndex,
      Stream.mapEffect(([range, index]) =>
        Effect.map(records(index, range), (found) => {
          const first = before + 1
          before += found.length
          return found.map((record, i) => ({ row: first + i, read: sample(record, first + i) }))
        })),
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
