/**
 * A task's own code is not ours: what it throws is said with the task and the sample it was run for, and ends the run
 * as an error.
 */
import { Effect } from "effect"
import { type Sample, type Task, TaskError } from "./Task.ts"

/** Runs a task's code for a sample. */
export const run = <B>(
  task: Pick<Task<never>, "name">,
  { image: { id } }: Pick<Sample<never>, "image">,
  code: () => B
): Effect.Effect<B, TaskError> =>
  Effect.try({
    try: code,
    catch: (cause) =>
      new TaskError(
        cause instanceof TaskError
          ? { task: cause.task, sample: id, reason: cause.reason }
          : { task: task.name, sample: id, reason: `its code threw ${String(cause)}`, cause }
      )
  })
