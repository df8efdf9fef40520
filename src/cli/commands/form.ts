/** The flag of commands that ask a model. */
import { Flag } from "effect/cli"

export const form = Flag.Literals("form", ["think", "answer"]).pipe(
  Flag.withDescription("Whether the model thinks before it answers; default: think"),
  Flag.withDefault("think" as const)
)
