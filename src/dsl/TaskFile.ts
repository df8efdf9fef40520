/**
 * The task beside a saved model. A directory of weights does not say what its model was trained to be asked.
 */
import { Effect, type FileSystem, Path } from "effect"
import * as Atomic from "./Atomic.ts"
import type { RunFileError } from "./RunError.ts"
import type { Task } from "./Task.ts"

/** Name of the file in the model's directory. */
export const name = "rise-task.json"

/** What stands for a task that is written in code, such as one of `Task.make`. */
export const inCode = "code"

/** Writes a task's description into a model's directory: of one that is written in code its name. */
export const write = <A>(
  directory: string,
  { described, name: task }: Task<A>
): Effect.Effect<void, RunFileError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { join } = yield* Path.Path
    yield* Atomic.writeJson(join(directory, name), described ?? { version: 1, kind: inCode, name: task })
  })
