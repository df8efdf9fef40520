/**
 * What is wrong with a data set as a whole. A single bad sample is quarantined instead.
 */
import { Schema } from "effect"

export class DataError extends Schema.TaggedError<DataError>()("DataError", {
  /** The file, folder or data set. */
  source: Schema.String,
  /** What is wrong and what was expected. */
  reason: Schema.String
}) {
  override get message() {
    return `${this.source}: ${this.reason}`
  }
}
