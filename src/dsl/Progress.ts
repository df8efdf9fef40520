/**
 * Live progress: stages report what they do, a view shows it. Replace the view with `Effect.provideService(Progress,
 * …)`.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Event, View } from "./progress/Event.ts"
import { terminal } from "./progress/Terminal.ts"
import { told } from "./telemetry/Exporting.ts"

export { type Ahead, Event, type Out, type View } from "./progress/Event.ts"
export { jsonLines } from "./progress/JsonLines.ts"
export { terminal } from "./progress/Terminal.ts"
export { duration } from "./progress/words.ts"

/** Shows nothing. */
export const silent: View = { report: () => Effect.void }

/** Shows only what is worth a warning. */
export const warnings = (view: View): View => ({
  report: (event) => event._tag === "Warned" ? view.report(event) : Effect.void
})

/** The view that stages report to. */
export const Progress = Context.Reference<View>("rise/Progress", { defaultValue: () => terminal(process.stderr) })

/** Reports to the current view, and to what exports (`Telemetry`). */
export const report = (event: Event): Effect.Effect<void> =>
  Effect.andThen(Effect.flatMap(Progress, (view) => view.report(event)), told(event))
