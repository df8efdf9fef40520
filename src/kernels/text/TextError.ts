/**
 * What is wrong with a tokenizer, a chat template or the messages given to it.
 */
import { Schema } from "effect"

export class TextError extends Schema.TaggedError<TextError>()("TextError", {
  operation: Schema.Literals(["load tokenizer", "compile chat template", "render chat template"]),
  reason: Schema.String,
  /** File or directory, where there is one. */
  path: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.path === undefined ? "" : `${this.path}: `}cannot ${this.operation}: ${this.reason}`
  }
}
