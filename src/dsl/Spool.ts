/**
 * What an unfinished stage has got so far and should not have to get again: JSON lines that outlive an interruption and
 * end with their stage. Each line says what it should hold: one that was damaged is never taken for an answer.
 */
import { Effect, FileSystem, Option, Schema, type Scope, Semaphore, Stream } from "effect"
import { createHash } from "node:crypto"
import * as Json from "../kernels/weights/Json.ts"
import * as Lines from "./Lines.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"

/** What names of spool files end with. */
export const extension = ".spool.jsonl"

export interface Spool {
  /** Names it in errors. */
  readonly path: string
  /** What earlier attempts at the stage have kept. */
  readonly rows: ReadonlyArray<Schema.Json>
  /** Adds rows; when it returns, they are on the disk. */
  readonly keep: (rows: ReadonlyArray<Schema.Json>) => Effect.Effect<void, RunFileError>
}

/** A line: the row, and the beginning of its SHA-256. */
const Line = Json.text(Schema.Struct({ check: Schema.String, row: Schema.Json }))
const decodeLine = Schema.decodeUnknownOption(Line)

const lineOf = (row: Schema.Json): string => {
  const text = JSON.stringify(row)
  return `{"check":"${createHash("sha256").update(text).digest("hex").slice(0, 16)}","row":${text}}`
}

/** What a spool file holds. Fails on a line that is not what was written; of the last one less may be there. */
export const read = (
  path: string
): Effect.Effect<
  { readonly rows: ReadonlyArray<Schema.Json>; readonly bytes: number; readonly torn: boolean },
  RunFileError,
  FileSystem.FileSystem
> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const reading = fromPlatform(path, "reading")
    const rows: Array<Schema.Json> = []
    let bytes = 0
    let torn = false
    if (!(yield* Effect.mapError(fs.exists(path), reading))) return { rows, bytes, torn }
    const records = fs.stream(path).pipe(
      Stream.mapError(reading),
      Lines.records((reason) => new RunFileError({ path, reason }))
    )
    yield* Stream.runForEach(records, ({ end, number, text, whole }) => {
      torn = !whole
      if (torn) return Effect.void
      const line = text.slice(0, -1)
      const found = Option.map(decodeLine(line), ({ row }) => row)
      if (Option.isNone(found) || lineOf(found.value) !== line) {
        return new RunFileError({ path, reason: `line ${number} is damaged: remove the file, and all is done again` })
      }
      rows.push(found.value)
      bytes = end
      return Effect.void
    })
    return { rows, bytes, torn }
  })

/** Opens a spool file, which need not be there. A last line that was cut off while it was written is dropped. */
export const open = (path: string): Effect.Effect<Spool, RunFileError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { bytes, rows, torn } = yield* read(path)
    const writing = Effect.mapError(fromPlatform(path, "writing"))
    if (torn) yield* writing(fs.truncate(path, bytes))
    const file = yield* writing(fs.open(path, { flag: "a" }))
    const one = yield* Semaphore.make(1)
    let good = bytes
    let broken: RunFileError | undefined
    /** Rows behind half a line could not be read back: what was begun is cut off, and nothing follows it. */
    const cutOff = (error: RunFileError) =>
      Effect.andThen(Effect.ignore(fs.truncate(path, good)), Effect.suspend(() => Effect.fail(broken = error)))
    return {
      path,
      rows,
      keep: (added) =>
        one.withPermit(Effect.suspend(() => {
          if (broken !== undefined) return Effect.fail(broken)
          const lines = added.map((row) => Buffer.from(`${lineOf(row)}\n`))
          const long = lines.find(({ length }) => length > Lines.longest)
          if (long !== undefined) return new RunFileError({ path, reason: Lines.tooLongToWrite(long.length) })
          const bytes = Buffer.concat(lines)
          return writing(Effect.andThen(file.writeAll(bytes), file.sync)).pipe(
            Effect.tap(() =>
              Effect.sync(() => {
                good += bytes.length
              })
            ),
            Effect.catch(cutOff)
          )
        })).pipe(Effect.uninterruptible)
    }
  })
