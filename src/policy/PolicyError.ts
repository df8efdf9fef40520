/** The failure that every engine's own ones are told as. */
import { Schema } from "effect"

/** What the policy could not do, and why. */
export class PolicyError extends Schema.TaggedError<PolicyError>()("PolicyError", {
  /** What was being done. */
  operation: Schema.Literals(["load", "sample", "logprobs", "update", "save", "checkpoint", "restore"]),
  /** What went wrong, and what can be done. */
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `policy ${this.operation}: ${this.reason}`
  }
}
