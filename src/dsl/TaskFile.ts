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
 * A task's description as the file has it, with the form that the model was taught: of a task that is written in code
 * its name.
 */
export const text = <A>({ described, name: task }: Task<A>, form: Form): string => {
  const what = described ?? { version: 1, kind: inCode, name: task }
  const record = typeof what === "object" && what !== null && !Array.isArray(what)
  return Atomic.json(record ? { ...what, form } : what)
}

/**
 * Writes a task's description into a model's directory, with the form that the model was taught.
 */
export const write = <A>(
  directory: string,
  task: Task<A>,
  form: Form
): Effect.Effect<void, RunFileError, FileSystem.FileSystem | Path.Path> =>
  Effect.flatMap(Path.Path, ({ join }) => Atomic.writeText(join(directory, name), text(task, form)))
