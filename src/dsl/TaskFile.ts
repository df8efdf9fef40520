/**
 * The task beside a saved model. A directory of weights does not say what its model was trained to be asked.
 */
import { Effect, type FileSystem, Path } from "effect"
import * as Atomic from "./Atomic.ts"
import type { RunFileError } from "./RunError.ts"
import type { Form, Task } from "./Task.ts"

/** Name of the file in the model's directory. */
export const name = "rise-task.json"

/** What stands for a task that is written in code, such as one of `Task.make`. */
export const inCode = "code"

/**
 * Writes a task's description into a model's directory, with the form that the model was taught: of a task that is
 * written in code its name.
 */
export const write = <A>(
  directory: string,
  { described, name: task }: Task<A>,
  form: Form
): Effect.Effect<void, RunFileError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const what = described ?? { version: 1, kind: inCode, name: task }
    const record = typeof what === "object" && what !== null && !Array.isArray(what)
    const { join } = yield* Path.Path
    yield* Atomic.writeJson(join(directory, name), record ? { ...what, form } : what)
  })
