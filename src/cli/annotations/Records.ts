/**
 * The whole records of a file that is appended to: what a crash has left behind the last of them is no part of it.
 */
import { Effect, FileSystem, Stream } from "effect"
import { fromPlatform, type RunFileError } from "../../dsl/RunError.ts"

const [NEWLINE, QUOTE] = [10, 34]

export interface Options {
  /** Whether an end of line between quotes is part of its record, as in CSV. */
  readonly quoted: boolean
}

/**
 * Visits every whole record, its end of line included, and gives the bytes of all of them. A file that is not there has
 * none.
 */
export const visit = <E, R>(
  path: string,
  { quoted }: Options,
  each: (record: string, number: number) => Effect.Effect<void, E, R>
): Effect.Effect<number, E | RunFileError, FileSystem.FileSystem | R> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const reading = Effect.mapError(fromPlatform(path, "reading"))
    if (!(yield* reading(fs.exists(path)))) return 0
    let begun: Array<Uint8Array> = []
    let inside = false
    let whole = 0
    let number = 0
    const bytes = Stream.mapError(fs.stream(path), fromPlatform(path, "reading"))
    yield* Stream.runForEach(bytes, (chunk) =>
      Effect.gen(function*() {
        let from = 0
        for (let at = 0; at < chunk.length; at++) {
          if (quoted && chunk[at] === QUOTE) inside = !inside
          if (chunk[at] !== NEWLINE || inside) continue
          begun.push(chunk.subarray(from, at + 1))
          const record = Buffer.concat(begun)
          whole += record.length
          begun = []
          from = at + 1
          yield* each(record.toString("utf8"), ++number)
        }
        begun.push(chunk.slice(from))
      }))
    return whole
  })
