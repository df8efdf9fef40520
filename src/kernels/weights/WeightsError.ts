/**
 * What is wrong with a weights file or a model directory, in words that a user can act on.
 */
import { type PlatformError, Schema } from "effect"
import { shownInLine } from "../runtime/Shown.ts"
import * as SystemFault from "../runtime/SystemFault.ts"
import { show } from "../text/show.ts"

/** Names the file, the tensor where one is to blame, what was found, what was expected and what to do next. */
export class WeightsError extends Schema.TaggedError<WeightsError>()("WeightsError", {
  path: Schema.String,
  /** What is wrong, as a clause: "the header is longer than the file". */
  reason: Schema.String,
  tensor: Schema.optional(Schema.String),
  found: Schema.optional(Schema.String),
  expected: Schema.optional(Schema.String),
  /** The next step, as a sentence. */
  hint: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    const path = shownInLine(this.path)
    const where = this.tensor === undefined ? path : `${path}: tensor ${show(this.tensor)}`
    const facts = [
      ...(this.found === undefined ? [] : [`found ${this.found}`]),
      ...(this.expected === undefined ? [] : [`expected ${this.expected}`])
    ]
    return `${where}: ${this.reason}${facts.length === 0 ? "" : ` (${facts.join(", ")})`}${
      this.hint === undefined ? "" : `. ${this.hint}`
    }`
  }
}

/**
 * Turns a failure of the file system into one that names the file and what was being done with it.
 *
 * @param needed bytes that were to be written, where that is known: told where the disk is full
 */
export const fromPlatform =
  (path: string, doing: string, hint?: string, needed?: number) => (cause: PlatformError.PlatformError) => {
    const why = SystemFault.words(cause, { path, needed })
    const reason = cause.reason._tag === "NotFound" ? why : `${doing} failed: ${why}`
    return new WeightsError({ path, reason, cause, ...(hint === undefined ? {} : { hint }) })
  }
