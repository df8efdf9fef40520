/**
 * The rows of a JSON file, whichever way they are written.
 *
 * An object a line is streamed. A list of objects, alone or as the only list of an object, is read whole. So is an
 * object whose keys are names of pictures: each becomes the `image` of its row.
 */
import { Effect, type FileSystem, Result, Stream } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as Lines from "../dsl/Lines.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { Json } from "../kernels/weights/index.ts"
import { isFields } from "./Fields.ts"
import * as JsonHead from "./JsonHead.ts"
import * as JsonText from "./JsonText.ts"
import * as Once from "./Once.ts"
import { names } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"

export interface Row {
  /** The line, or the place in the list. From 1. */
  readonly row: number
  readonly value: Result.Result<unknown, BadRow>
}

const parseLine = (line: string): Result.Result<unknown, BadRow> =>
  Result.try({
    // Lines of an array without its brackets.
    try: () => Json.parseUnrepeated(line.replace(/(?<=[}\]])\s*,\s*$/, "")),
    // The row is the line: it is told beside this.
    catch: (error): BadRow => {
      const why = Json.why(error).replace(/^line 1, /, "")
      return error instanceof Json.RepeatedKey
        ? { reason: "repeated-key", detail: why }
        : { reason: "not-an-object", detail: `not JSON: ${why}` }
    }
  })

const lines = (file: string): Stream.Stream<Row, DataError, FileSystem.FileSystem> => {
  const fail = (reason: string) => new DataError({ source: file, reason })
  return Lines.ofFile(file, {
    unreadable: (error) => fail(`cannot be read: ${SystemFault.words(error)}`),
    tooLong: (reason) => fail(`${reason}, expected an object per line`)
  }).pipe(
    Stream.filter(({ text }) => text.trim() !== ""),
    Stream.map(({ number, text }) => ({ row: number, value: parseLine(text) }))
  )
}

const listed = (values: ReadonlyArray<unknown>): Stream.Stream<Row> =>
  Stream.fromIterable(values.entries()).pipe(Stream.map(([i, value]) => ({ row: i + 1, value: Result.succeed(value) })))

const picture = /\.(?:jpe?g|png|webp|gif|tiff?|avif)$/i

/** The rows inside of one object. */
const inside = (file: string, json: unknown): Result.Result<ReadonlyArray<unknown>, DataError> => {
  if (Array.isArray(json)) return Result.succeed(json)
  const entries = isFields(json) ? Object.entries(json) : []
  const lists = entries.flatMap(([, value]) => Array.isArray(value) ? [value] : [])
  const [list] = lists
  if (lists.length === 1 && list !== undefined) return Result.succeed(list)
  if (entries.length > 0 && entries.every(([key]) => picture.test(key))) {
    return Result.succeed(
      entries.map(([image, value]) => isFields(value) ? { ...value, image } : { image, label: value })
    )
  }
  const found = entries.length === 0 ? "" : `, found an object with ${names(entries.map(([key]) => key))}`
  return Result.fail(
    new DataError({ source: file, reason: `no rows in it, expected an object per line or a list of objects${found}` })
  )
}

/** Rows of a file that is gone through several times. */
export interface Held {
  /** In order. Replayable. */
  readonly rows: Stream.Stream<Row, DataError, FileSystem.FileSystem>
  /** Lets go of what was read whole. */
  readonly release: Effect.Effect<void>
}

/** Rows in order; a file that is read whole is parsed once, and held until it is released. */
export const held = (file: string, expected: string): Held => {
  const whole = Once.make(
    Effect.flatMap(JsonText.read(file, expected), (json) => Effect.fromResult(inside(file, json)))
  )
  const head = Once.make(JsonHead.read(file, expected))
  const rows = Effect.gen(function*() {
    const { form } = yield* head.get
    return form === "lines" ? lines(file) : listed(yield* whole.get)
  })
  return { rows: Stream.unwrap(rows), release: whole.release }
}

/** Rows in order. Fails where the file is none of this; `expected` says what it should hold. */
export const read = (file: string, expected: string): Stream.Stream<Row, DataError, FileSystem.FileSystem> =>
  Stream.suspend(() => held(file, expected).rows)
