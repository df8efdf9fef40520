/**
 * Files that are there whole or not at all.
 */
import { Effect, FileSystem, type PlatformError, Stream } from "effect"
import { Written } from "../kernels/weights/index.ts"
import { fromPlatform, type RunFileError } from "./RunError.ts"

/**
 * Writes texts that are a file one after another beside the target, syncs and renames: a crash leaves the old file or
 * the new one, never half of either. Whoever listens to `Written` is told its SHA-256.
 */
export const writeAll = <E, R>(
  path: string,
  texts: Stream.Stream<string, E, R>
): Effect.Effect<void, E | RunFileError, FileSystem.FileSystem | R> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    // Two writers of one file, each with its own: the last to rename stays.
    const temporary = `${path}.${crypto.randomUUID()}.tmp`
    let needed = 0
    const writing = <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
      Effect.mapError(effect, (cause) => fromPlatform(path, "writing", needed)(cause))
    const listener = yield* Written.Written
    const counted = Written.counting()
    yield* Effect.addFinalizer(() => fs.remove(temporary, { force: true }).pipe(Effect.ignore))
    yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* writing(fs.open(temporary, { flag: "w" }))
      yield* Stream.runForEachArray(texts, (some) => {
        const bytes = new TextEncoder().encode(some.join(""))
        counted.add(bytes)
        needed += bytes.length
        return writing(handle.writeAll(bytes))
      })
      yield* writing(handle.sync)
    }))
    yield* writing(fs.rename(temporary, path))
    listener?.(path, counted.digest())
  }))

/** The same for a text. */
export const writeText = (path: string, text: string): Effect.Effect<void, RunFileError, FileSystem.FileSystem> =>
  writeAll(path, Stream.make(text))

/** JSON that a person can read. */
export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Writes it. */
export const writeJson = (path: string, value: unknown) => writeText(path, json(value))

/** Makes sure that the names in a folder are on the disk, where the system can do that. */
export const syncFolder = (path: string): Effect.Effect<void, never, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.flatMap(fs.open(path, { flag: "r" }), ({ sync }) => sync)).pipe(
    Effect.scoped,
    Effect.ignore
  )
