/** Who is told what to change: who has flags, or who has settings. */
import { Context, Effect } from "effect"

/** Whether a command line asks; a script, which has settings, where nobody says. */
export const ByFlags = Context.Reference<boolean>("rise/ByFlags", { defaultValue: () => false })

/** What is said to who has flags, and what to who has settings. */
export const told = (flags: string, settings: string): Effect.Effect<string> =>
  Effect.map(ByFlags, (byFlags) => byFlags ? flags : settings)
