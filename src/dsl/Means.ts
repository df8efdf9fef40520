/** What can be changed by whoever is told what to change. */
import { Context, Effect } from "effect"

/**
 * A script has settings. A command has flags: `rise train` one for each of them ("flags"), `rise tables`, `rise audit`
 * and the examples `--preset` alone ("preset").
 */
export type Means = "settings" | "flags" | "preset"

/** A script's, where nobody says. */
export const Means = Context.Reference<Means>("rise/Means", { defaultValue: () => "settings" })

/** What is said to whoever has these means. */
export const told = (by: Readonly<Record<Means, string>>): Effect.Effect<string> =>
  Effect.map(Means, (means) => by[means])
