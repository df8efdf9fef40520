/** Temporary files: among them the very inputs that we were timed on, for a peer. */
import { Effect, type Scope } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BenchError } from "./Contest.ts"

const attempt = <A>(evaluate: () => Promise<A>) =>
  Effect.tryPromise({
    try: evaluate,
    catch: (cause) => new BenchError(`a temporary file cannot be written: ${String(cause)}`, { cause })
  })

/** A folder that goes with the scope. */
export const temporaryFolder: Effect.Effect<string, BenchError, Scope.Scope> = Effect.acquireRelease(
  attempt(() => mkdtemp(join(tmpdir(), "rise-bench-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** Writes the workload as JSON to a temporary file that lives as long as the scope. */
export const withWorkload = <A, E, R>(
  workload: unknown,
  use: (path: string) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | BenchError, R | Scope.Scope> =>
  Effect.gen(function*() {
    const path = join(yield* temporaryFolder, "workload.json")
    yield* attempt(() => writeFile(path, JSON.stringify(workload)))
    return yield* use(path)
  })
