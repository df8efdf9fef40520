/**
 * What is wrong with a data set as a whole. A single bad sample is quarantined instead.
 */
import { Schema } from "effect"
import { shownInLine } from "../kernels/runtime/Shown.ts"

/** A data set that cannot be used: a missing file, a wrong header, no sample left. */
export class DataError extends Schema.TaggedError<DataError>()("DataError", {
  /** The file, folder or data set. */
  source: Schema.String,
  /** What is wrong and what was expected. */
  reason: Schema.String
}) {
  override get message() {
    return `${shownInLine(this.source)}: ${this.reason}`
  }
}
