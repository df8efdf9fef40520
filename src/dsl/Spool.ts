/**
 * What an unfinished stage has got so far and should not have to get again: JSON lines that outlive an interruption and
 * end with their stage. Each line says what it should hold: one that was damaged is never taken for an answer.
 */
import { Effect, FileSystem, Option, Schema, type Scope, Semaphore } from "effect"
import { createHash } from "node:crypto"
import * as Json from "../kernels/weights/Json.ts"
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
    const text = yield* fs.readFileString(path).pipe(
      Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed("")),
      Effect.mapError(fromPlatform(path, "reading"))
    )
    const whole = text.slice(0, text.lastIndexOf("\n") + 1)
    const rows = yield* Effect.forEach(whole.split("\n").slice(0, -1), (line, i) => {
      const found = Option.map(decodeLine(line), ({ row }) => row)
      return Option.isSome(found) && lineOf(found.value) === line
        ? Effect.succeed(found.value)
        : new RunFileError({ path, reason: `line ${i + 1} is damaged: remove the file, and all is done again` })
    })
    return { rows, bytes: Buffer.byteLength(whole), torn: whole.length < text.length }
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
          const bytes = new TextEncoder().encode(added.map((row) => `${lineOf(row)}\n`).join(""))
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
