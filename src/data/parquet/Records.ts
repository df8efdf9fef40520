/**
 * The rows of a Parquet file as objects, row group by row group: one group is in memory at a time.
 */
import { Effect, Stream } from "effect"
import type { AsyncBuffer } from "hyparquet"
import { parquetReadObjects } from "hyparquet"
import { open } from "node:fs/promises"
import { DataError } from "../../dsl/DataError.ts"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import * as Pointer from "../Pointer.ts"
import * as Footer from "./Footer.ts"
import * as Groups from "./Groups.ts"
import * as Pages from "./Pages.ts"
import * as Unpack from "./Unpack.ts"

/** A row by the names of its columns. */
export type Record = Readonly<globalThis.Record<string, unknown>>

/** A file that is read in slices, closed with the scope. */
const openFile = (file: string, fail: (reason: string) => DataError) =>
  Effect.gen(function*() {
    const because = ({ cause }: { readonly cause?: unknown }) =>
      fail(
        SystemFault.codeOf(cause) === "ENOENT"
          ? "no such file, expected Parquet"
          : `cannot be read: ${SystemFault.words(cause)}`
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

/** Values as schemas expect them: INT64 comes as bigint. Throws where they are nested too deep. */
export const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== "object" || value instanceof Uint8Array || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

const broken = (file: string) => (reason: string) =>
  new DataError({ source: file, reason: `not Parquet, or damaged: ${reason}` })

/** A file and its footer, open as long as the scope. */
export const openFooter = Effect.fnUntraced(function*(file: string) {
  const { bytes, size } = yield* openFile(file, (reason) => new DataError({ source: file, reason }))
  yield* Pointer.refuse(file)
  const tail = yield* bytes(Math.max(0, size - Footer.tailBytes), size)
  const length = yield* Effect.mapError(Effect.fromResult(Footer.length(tail, size)), broken(file))
  const footer = yield* Effect.mapError(
    Effect.fromResult(Footer.parse(yield* bytes(size - length, size))),
    broken(file)
  )
  return { bytes, size, footer, columns: footer.schema.children.map(({ element }) => element.name) }
})

export interface Options {
  /** Columns that have to be there. */
  readonly columns: ReadonlyArray<string>
  /** Columns that are read, too, where they are there. */
  readonly perhaps?: ReadonlyArray<string>
  /** Whether all others are read, too. Default: no. */
  readonly all?: boolean
  /** Most bytes that a row group may unpack to. */
  readonly maxGroupBytes: number
}

/** The rows of a file in order. Fails where it lacks a column, or is not what its footer announces. */
export const read = (file: string, { all = false, columns: needed, maxGroupBytes, perhaps = [] }: Options) =>
  Stream.unwrap(Effect.gen(function*() {
    const fail = (reason: string) => new DataError({ source: file, reason })
    const { bytes, columns, footer, size } = yield* openFooter(file)
    const wanted = all
      ? undefined
      : [...needed, ...perhaps.filter((name) => columns.includes(name) && !needed.includes(name))]
    const missing = needed.filter((name) => !columns.includes(name))
    if (missing.length > 0) {
      return yield* fail(`no column ${missing.map((name) => `"${name}"`).join(" and ")}, found ${columns.join(", ")}`)
    }
    const limits = { maxGroupBytes, ...(wanted && { wanted }) }
    const groups = yield* Effect.mapError(Effect.fromResult(Groups.of(footer, size, limits)), fail)

    /** The rows of a group, all columns unpacked. */
    const records = Effect.fnUntraced(function*(group: Groups.Group) {
      const { end, index, rows, start } = group
      const held = yield* bytes(start, end)
      const allowance = { bytes: group.mostBytes, words: group.mostWords }
      for (const chunk of group.columns) {
        // A column may take seconds: a signal is heard before the next one.
        yield* Effect.yieldNow
        const checked = Pages.check(held.subarray(chunk.start - start, chunk.end - start), chunk, allowance)
        yield* Effect.mapError(Effect.fromResult(checked), (reason) => broken(file)(`row group ${index}, ${reason}`))
      }
      const { metadata } = footer
      return yield* Effect.tryPromise({
        try: (): Promise<ReadonlyArray<Record>> =>
          parquetReadObjects({
            file: part(size, start, held),
            metadata: { ...metadata, row_groups: metadata.row_groups.slice(index, index + 1) },
            compressors: Unpack.compressors,
            // Pictures are bytes; strings are marked as such.
            utf8: false,
            rowEnd: rows,
            ...(wanted && { columns: wanted })
          }),
        catch: (cause) => broken(file)(`row group ${index}: ${cause instanceof Error ? cause.message : String(cause)}`)
      })
    })
    return Stream.fromIterable(groups).pipe(Stream.mapEffect(records), Stream.flattenIterable)
  }))
