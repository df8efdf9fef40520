/**
 * Files that are there whole or not at all.
 */
import { Effect, FileSystem } from "effect"
import { fromPlatform, type RunFileError } from "./RunError.ts"

/** Writes beside the target, syncs and renames: a crash leaves the old file or the new one, never half of either. */
export const writeText = (path: string, text: string): Effect.Effect<void, RunFileError, FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const temporary = `${path}.${process.pid}.tmp`
    yield* Effect.addFinalizer(() => fs.remove(temporary, { force: true }).pipe(Effect.ignore))
    yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(temporary, { flag: "w" })
      yield* handle.writeAll(new TextEncoder().encode(text))
      yield* handle.sync
    }))
    yield* fs.rename(temporary, path)
  })).pipe(Effect.mapError(fromPlatform(path, "writing")))

/** Writes JSON that a person can read. */
export const writeJson = (path: string, value: unknown) => writeText(path, `${JSON.stringify(value, null, 2)}\n`)
