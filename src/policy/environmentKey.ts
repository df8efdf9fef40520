import { Config, Effect, Option, type Redacted } from "effect"
import { PolicyError } from "./Policy.ts"

/** A key of the environment, where there is one. */
export const environmentKey = (name: string): Effect.Effect<Redacted.Redacted<string> | undefined, PolicyError> =>
  Config.option(Config.Redacted(name)).pipe(
    Effect.map(Option.getOrUndefined),
    Effect.mapError((cause) =>
      new PolicyError({ operation: "load", reason: `${name} cannot be read: ${cause.message}`, cause })
    )
  )
