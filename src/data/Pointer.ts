/** Files that a clone has not fetched, told from files that are damaged. */
import { Effect, FileSystem } from "effect"
import { DataError } from "../dsl/DataError.ts"
import { GitLfs } from "../kernels/weights/index.ts"

/** Fails where a file is a Git LFS pointer. A file that cannot be read is left to whoever reads it. */
export const refuse = (file: string): Effect.Effect<void, DataError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { size } = yield* fs.stat(file)
    const found = size > BigInt(GitLfs.maxBytes) ? undefined : GitLfs.describe(yield* fs.readFile(file))
    if (found !== undefined) return yield* new DataError({ source: file, reason: found })
  }).pipe(Effect.catchTag("PlatformError", () => Effect.void))
