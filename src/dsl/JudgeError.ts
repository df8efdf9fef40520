/**
 * How a judge is asked, and when it is asked no more.
 */
import { Schema } from "effect"

/** The judge has failed so often in a row that it may be more than these answers. */
export class JudgeError extends Schema.TaggedError<JudgeError>()("JudgeError", {
  /** Name of the task. */
  task: Schema.String,
  /** Image id of the sample whose judgment failed first. */
  sample: Schema.String,
  /** Failures in a row. */
  failures: Schema.Int,
  /** Why the first of them failed. */
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `judge of task "${this.task}": ${this.failures} judgments in a row failed, the first, of sample ` +
      `${this.sample}, because: ${this.reason}; mend what it names, or let the judge repeat what may pass ` +
      "(Effect.retry)"
  }
}

/** How a judge is asked. */
export interface Judging {
  /** Judgments under way at once. Default 4. */
  readonly concurrency?: number
  /** Failures in a row that end the stage. Default 10. */
  readonly patience?: number
  /** Judgments that are remembered by what was judged. Default 10,000. */
  readonly remembered?: number
}
