/**
 * Weights that are trained at a server which gives them to nobody.
 *
 * @module
 */
import { Schema } from "effect"
import { PolicyError } from "./PolicyError.ts"

/** The cause of a `save` that can never succeed, however often it is tried: nothing is wrong with what was trained. */
export class WeightsStay extends Schema.TaggedError<WeightsStay>()("WeightsStay", {
  /** What the server calls the weights that it keeps. */
  path: Schema.String
}) {
  override get message() {
    return `the engine has no archive of ${this.path}: its weights stay there`
  }
}

/** Whether a policy could not be saved because of that. */
export const of = (error: PolicyError): WeightsStay | undefined =>
  error.cause instanceof WeightsStay ? error.cause : undefined
