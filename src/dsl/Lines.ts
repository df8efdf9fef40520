/**
 * The lines of a text file under a cap: one without line ends would be held in memory whole.
 */
import { Effect, FileSystem, type PlatformError, Stream } from "effect"

/** Default cap in bytes, and the longest line that is written to a run folder. */
export const longest = 64 * 2 ** 20

const [NEWLINE, QUOTE] = [10, 34]

export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/** A record as it stands in a file. */
export interface Record extends Line {
  /** Where it ends, in bytes from the beginning. */
  readonly end: number
  /** False of a last one without an end of line: whoever wrote it may have been cut off. */
  readonly whole: boolean
}

/** Options of `records`. */
export interface Options {
  /** Bytes of a record, without its end of line. */
  readonly most?: number
  /** Whether an end of line between quotes is part of its record, as in CSV. Default false. */
  readonly quoted?: boolean
}

/** A line that is longer than the cap, in words. */
export const tooLong = (number: number, most: number): string =>
  `line ${number} has more than ${most} bytes, at most ${most} are read: the file lacks line ends, or is no text`

/** A line that is not written, because it could not be read back; in words. */
export const tooLongToWrite = (bytes: number): string =>
  `a row has ${bytes} bytes, at most ${longest} are written in a line`

/** Bytes in UTF-8 as records, each with its end of line. `fail` makes the error for one beyond the cap. */
export const records =
  <E2>(fail: (reason: string) => E2, { most = longest, quoted = false }: Options = {}) =>
  <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Record, E | E2, R> =>
    Stream.suspend(() => {
      let begun: Array<Uint8Array> = []
      let held = 0
      let inside = false
      let number = 1
      let end = 0
      const put = (last: Uint8Array, whole: boolean): Record => {
        const record = begun.length === 0 ? last : Buffer.concat([...begun, last])
        end += record.length
        begun = []
        held = 0
        return {
          number: number++,
          text: Buffer.from(record.buffer, record.byteOffset, record.length).toString(),
          end,
          whole
        }
      }
      const split = (chunk: Uint8Array): Effect.Effect<ReadonlyArray<Record>, E2> => {
        const found: Array<Record> = []
        let from = 0
        for (let at = 0; at < chunk.length; at++) {
          if (!quoted) {
            const next = chunk.indexOf(NEWLINE, at)
            if (next < 0) break
            at = next
          } else if (chunk[at] === QUOTE) inside = !inside
          if (chunk[at] !== NEWLINE || inside) continue
          if (held + at - from > most) return Effect.fail(fail(tooLong(number, most)))
          found.push(put(chunk.subarray(from, at + 1), true))
          from = at + 1
        }
        held += chunk.length - from
        if (held > most) return Effect.fail(fail(tooLong(number, most)))
        // A copy: what it is cut from may be a buffer that is filled anew.
        if (from < chunk.length) begun.push(chunk.slice(from))
        return Effect.succeed(found)
      }
      return bytes.pipe(
        Stream.mapEffect(split),
        Stream.flattenIterable,
        Stream.concat(Stream.suspend(() => held === 0 ? Stream.empty : Stream.make(put(new Uint8Array(), false))))
      )
    })

/** Bytes in UTF-8 as lines, without a byte order mark. `fail` makes the error for a line beyond the cap. */
export const read =
  <E2>(fail: (reason: string) => E2, most = longest) =>
  <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E | E2, R> =>
    bytes.pipe(
      records(fail, { most }),
      Stream.map(({ text }) => text),
      // Also at a single carriage return, where an old program has written the lines.
      Stream.splitLines,
      Stream.zipWithIndex,
      Stream.map(([text, i]) => ({ number: i + 1, text: i === 0 ? text.replace(/^\uFEFF/, "") : text }))
    )

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
