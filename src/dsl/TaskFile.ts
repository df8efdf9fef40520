/**
 * The task beside a saved model. A directory of weights does not say what its model was trained to be asked.
 */
import { Effect, type FileSystem, Path } from "effect"
import * as Atomic from "./Atomic.ts"
import type { RunFileError } from "./RunError.ts"
import type { Form, Task } from "./Task.ts"

/** Name of the file in the model's directory. */
export const name = "rise-task.json"

/** Writes a task's description into a model's directory, if it has one, with the form that the model was taught. */
export const write = <A>(
  directory: string,
  { described }: Task<A>,
  form: Form
): Effect.Effect<void, RunFileError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    if (described === undefined) return
    const record = typeof described === "object" && described !== null && !Array.isArray(described)
    const { join } = yield* Path.Path
    yield* Atomic.writeJson(join(directory, name), record ? { ...described, form } : described)
  })
