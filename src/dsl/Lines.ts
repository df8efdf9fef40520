/**
 * The lines of a text file under a cap: one without line ends would be held in memory whole.
 */
import { Effect, FileSystem, type PlatformError, Stream } from "effect"

/** Default cap in bytes. */
export const longest = 64 * 2 ** 20

export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/** A line that is longer than the cap, in words. */
export const tooLong = (number: number, most: number): string =>
  `line ${number} has more than ${most} bytes, at most ${most} are read: the file lacks line ends, or is no text`

/** Bytes in UTF-8 as lines, without a byte order mark. `fail` makes the error for a line beyond the cap. */
export const read =
  <E2>(fail: (reason: string) => E2, most = longest) =>
  <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E | E2, R> =>
    Stream.suspend(() => {
      let since = 0
      let number = 1
      const held = (chunk: Uint8Array): Effect.Effect<void, E2> => {
        for (let from = 0; from <= chunk.length;) {
          const end = chunk.indexOf(10, from)
          since += (end < 0 ? chunk.length : end) - from
          if (since > most) return Effect.fail(fail(tooLong(number, most)))
          if (end < 0) break
          since = 0
          number++
          from = end + 1
        }
        return Effect.void
      }
      return bytes.pipe(
        Stream.tap(held),
        Stream.decodeText(),
        Stream.splitLines,
        Stream.zipWithIndex,
        Stream.map(([text, i]) => ({ number: i + 1, text: i === 0 ? text.replace(/^\uFEFF/, "") : text }))
      )
    })

/** The lines of a file. */
export const ofFile = <E>(
  file: string,
  errors: {
    readonly unreadable: (error: PlatformError.PlatformError) => E
    readonly tooLong: (reason: string) => E
  },
  most = longest
): Stream.Stream<Line, E, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.map(FileSystem.FileSystem, (fs) =>
      fs.stream(file).pipe(Stream.mapError(errors.unreadable), read(errors.tooLong, most)))
  )
