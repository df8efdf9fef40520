import { Effect } from "effect"
import { Command } from "effect/cli"
export const init = Command.make("init", {}, () => Effect.void)
