/**
 * Small text files of a folder that may come from elsewhere: what is no file, or larger than anything that is written
 * there, is refused before it is held.
 */
import { Effect, FileSystem, Option } from "effect"
import { fromPlatform, RunFileError } from "./RunError.ts"

/** Default cap in bytes. */
export const largest = 64 * 2 ** 20

const mebibytes = (bytes: number | bigint) => `${Math.ceil(Number(bytes) / 2 ** 20)} MiB`

/**
 * Whether there is such a file. Anything else of its name, such as a folder or a pipe, is an error; so is one of more
 * than `most` bytes.
 */
export const isThere = Effect.fnUntraced(function*(file: string, most?: number) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* fs.stat(file).pipe(
    Effect.map(Option.some),
    Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeedNone),
    Effect.mapError(fromPlatform(file, "reading"))
  )
  if (Option.isNone(found)) return false
  const { size, type } = found.value
  const refuse = (reason: string) => new RunFileError({ path: file, reason })
  if (type !== "File") return yield* refuse(`is a ${type.toLowerCase()}, expected a file of a run`)
  if (most !== undefined && size > BigInt(most)) {
    return yield* refuse(`has ${mebibytes(size)}, at most ${mebibytes(most)} are read: no run writes so much here`)
  }
  return true
})

/** Its text; none where it is not there. */
export const readIfThere = Effect.fnUntraced(function*(file: string, most = largest) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* isThere(file, most))) return Option.none<string>()
  return Option.some(yield* Effect.mapError(fs.readFileString(file), fromPlatform(file, "reading")))
})

/** Its text. A file that is not there is an error. */
export const read = Effect.fnUntraced(function*(file: string, most = largest) {
  const fs = yield* FileSystem.FileSystem
  yield* isThere(file, most)
  return yield* Effect.mapError(fs.readFileString(file), fromPlatform(file, "reading"))
})
