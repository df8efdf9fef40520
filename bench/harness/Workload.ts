/** Hands a peer the very inputs that we were timed on. */
import { Effect, type Scope } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BenchError } from "./Contest.ts"

/** Writes the workload as JSON to a temporary file that lives as long as the scope. */
export const withWorkload = <A, E, R>(
  workload: unknown,
  use: (path: string) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | BenchError, R | Scope.Scope> =>
  Effect.gen(function*() {
    const fail = (cause: unknown) => new BenchError(`the peer's inputs cannot be written: ${String(cause)}`, { cause })
    const folder = yield* Effect.acquireRelease(
      Effect.tryPromise({ try: () => mkdtemp(join(tmpdir(), "rise-bench-")), catch: fail }),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const path = join(folder, "workload.json")
    yield* Effect.tryPromise({ try: () => writeFile(path, JSON.stringify(workload)), catch: fail })
    return yield* use(path)
  })
