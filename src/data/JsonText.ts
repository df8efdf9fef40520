/**
 * Whole JSON files of data sets, read under a cap.
 */
import { Effect, FileSystem } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { GitLfs, Json } from "../kernels/weights/index.ts"

/** Larger files do not fit one string of the runtime. */
export const maximumBytes = 500 * 2 ** 20

/** Parses text that may have been saved by an old editor: UTF-8, or Windows-1252 where it is not. */
export const parse = (bytes: Uint8Array): unknown => {
  const pointer = GitLfs.describe(bytes)
  if (pointer !== undefined) throw new SyntaxError(pointer)
  const read = (encoding: string) => new TextDecoder(encoding, { fatal: true }).decode(bytes)
  let text: string
  try {
    text = read("utf-8")
  } catch {
    // Every byte means something in Windows-1252: this cannot fail.
    text = read("windows-1252")
  }
  return Json.parseUnrepeated(text)
}

/** Reads a file as JSON. */
export const read = (path: string, expected: string): Effect.Effect<unknown, DataError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const fail = (reason: string) => new DataError({ source: path, reason })
    const io = Effect.mapError((error: { readonly message: string; readonly reason: { readonly _tag: string } }) =>
      fail(
        error.reason._tag === "NotFound"
          ? `no such file, expected ${expected}`
          : `cannot be read: ${SystemFault.words(error)}`
      )
    )
    const { size } = yield* io(fs.stat(path))
    if (size > BigInt(maximumBytes)) {
      return yield* fail(
        `${size} bytes, at most ${maximumBytes} can be read as one JSON file: split it, or use JSON lines`
      )
    }
    const bytes = yield* io(fs.readFile(path))
    return yield* Effect.try({
      try: () => parse(bytes),
      catch: (error) => fail(`${Json.fault(error)}${error instanceof Json.RepeatedKey ? "" : `; expected ${expected}`}`)
    })
  })
