/** What went wrong on the way to, in, or back from a worker thread. */
import { Schema } from "effect"

/** A model could not be opened or run, an optimiser job failed, or a worker did not close. */
export class RuntimeError extends Schema.TaggedError<RuntimeError>()("RuntimeError", {
  /** What was being done. */
  operation: Schema.Literals(["open", "run", "optimize", "close"]),
  /** Names the wrong value and what was expected. */
  reason: Schema.String
}) {
  override get message() {
    return `runtime ${this.operation}: ${this.reason}`
  }
}
