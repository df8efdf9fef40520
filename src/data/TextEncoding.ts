/**
 * The encoding of a text file that does not say: by its byte order mark, else UTF-8 where all of it is, else what old
 * editors and spreadsheets write, Windows-1252.
 */
import { Effect, FileSystem, type PlatformError, Stream } from "effect"
import { DataError } from "../dsl/DataError.ts"

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252"

/** As people call them. */
export const names: Readonly<Record<Encoding, string>> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16 LE",
  "utf-16be": "UTF-16 BE",
  "windows-1252": "Windows-1252"
}

const marked = ([a, b]: Uint8Array): Encoding | undefined =>
  a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : undefined

/** Finds out the encoding. Reads the file through where it has no mark; holds none of it. */
export const of = (
  file: string
): Effect.Effect<Encoding, DataError | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const decoder = new TextDecoder("utf-8", { fatal: true })
    let encoding: Encoding | undefined
    let first = true
    const isUtf8 = (bytes?: Uint8Array): boolean => {
      try {
        decoder.decode(bytes, { stream: bytes !== undefined })
        return true
      } catch {
        return false
      }
    }
    /** False once the encoding is known. */
    const goesOn = (bytes: Uint8Array): Effect.Effect<boolean, DataError> => {
      if (first) {
        first = false
        encoding = marked(bytes)
        if (encoding === undefined && bytes.includes(0)) {
          return Effect.fail(
            new DataError({
              source: file,
              reason: "it holds zero bytes: no text, or UTF-16 without a byte order mark; save it as UTF-8"
            })
          )
        }
      }
      if (encoding === undefined && !isUtf8(bytes)) encoding = "windows-1252"
      return Effect.succeed(encoding === undefined)
    }
    yield* fs.stream(file).pipe(Stream.mapEffect(goesOn), Stream.takeWhile((more) => more), Stream.runDrain)
    return encoding ?? (isUtf8() ? "utf-8" : "windows-1252")
  })

/** The text of a file in pieces, without the mark. Fails on bytes that the encoding has no meaning for. */
export const decoded = (
  file: string,
  encoding: Encoding
): Stream.Stream<string, DataError | PlatformError.PlatformError, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => {
    const decoder = new TextDecoder(encoding, { fatal: true })
    const decode = (bytes?: Uint8Array) =>
      Effect.try({
        try: () => decoder.decode(bytes, { stream: bytes !== undefined }),
        catch: () => new DataError({ source: file, reason: `not ${names[encoding]}, though it begins like it` })
      })
    return fs.stream(file).pipe(
      Stream.mapEffect(decode),
      Stream.concat(Stream.fromEffect(Effect.suspend(() => decode()))),
      Stream.filter((text) => text !== "")
    )
  }))
