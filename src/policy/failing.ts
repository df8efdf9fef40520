import { Effect } from "effect"
import { PolicyError } from "./Policy.ts"

/** Wraps a lower failure as the policy's own. */
export const failing =
  (operation: PolicyError["operation"]) => <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
    Effect.mapError(
      effect,
      (cause) => cause instanceof PolicyError ? cause : new PolicyError({ operation, reason: cause.message, cause })
    )
