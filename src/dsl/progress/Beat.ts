/**
 * A stage that takes long between two events is told of again: nobody can tell work from a hang by silence.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Event, type View } from "./Event.ts"

/** Time without an event after which the last one is repeated. */
const silentMillis = 2000

/** A view that is told again where it hears nothing. */
export interface Beating {
  /** Takes the place of the view. */
  readonly view: View
  /** Repeats how far the stage is that began last and has not finished; never ends. */
  readonly beat: Effect.Effect<never>
}

/** Watches what a view is told. */
export const beating = (view: View): Beating => {
  const under = new Map<string, number>()
  let last = 0
  const seen = (event: Event, now: number) => {
    last = now
    if (event._tag === "Started") under.set(event.stage, event.done ?? 0)
    else if (event._tag === "Step") under.set(event.stage, event.step)
    else if (event._tag === "Finished") under.delete(event.stage)
  }
  const report = (event: Event) =>
    Effect.andThen(Effect.map(Clock.currentTimeMillis, (now) => seen(event, now)), view.report(event))
  const again = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const stage = [...under].at(-1)
    return stage === undefined || now - last < silentMillis
      ? Effect.void
      : report(Event.Step({ stage: stage[0], step: stage[1], tokens: 0, figures: {} }))
  })
  return { view: { report }, beat: Effect.forever(Effect.andThen(Effect.sleep(silentMillis / 2), again)) }
}
