/**
 * What went wrong between this process and a server: the cause of a remote policy's `PolicyError`. Never holds the key.
 */
import { Schema } from "effect"
import { optional } from "./OptionalField.ts"

export class RemoteError extends Schema.TaggedError<RemoteError>()("RemoteError", {
  url: Schema.String,
  /**
   * - `connection`: no answer, or one that broke off
   * - `timeout`: the limit of an attempt or of the whole request
   * - `status`: the server refused
   * - `malformed`: an answer that is not what the protocol asks for
   * - `too-large`: an answer beyond the limit
   */
  kind: Schema.Literals(["connection", "timeout", "status", "malformed", "too-large"]),
  reason: Schema.String,
  status: Schema.optional(Schema.Int),
  /** Where the refusal is about what this one request holds, or about fields that may be left out. */
  about: Schema.optional(Schema.Literals(["request", "fields"])),
  fields: Schema.optional(Schema.Array(Schema.Literals(optional))),
  /** The server's own words, cut. */
  excerpt: Schema.optional(Schema.String),
  /** What to do next, where that is known. */
  advice: Schema.optional(Schema.String),
  attempts: Schema.Int
}) {
  override get message() {
    const tries = this.attempts > 1 ? ` (after ${this.attempts} attempts)` : ""
    const advice = this.advice === undefined ? "" : `; ${this.advice}`
    return `${this.url}: ${this.reason}${tries}${this.excerpt === undefined ? "" : `: ${this.excerpt}`}${advice}`
  }
}
