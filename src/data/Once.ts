/**
 * A value that several readers need, such as a file that is parsed whole: it is made for the first, whom others that
 * come meanwhile wait for, and held until it is let go.
 */
import { Effect, Semaphore } from "effect"

export interface Once<out A, out E = never, out R = never> {
  /** Makes it where it is not held. */
  readonly get: Effect.Effect<A, E, R>
  /** Lets it go: whoever asks then has it made again. */
  readonly release: Effect.Effect<void>
}

/** Holds what an effect makes; nothing of one that fails. */
export const make = <A, E, R>(effect: Effect.Effect<A, E, R>): Once<A, E, R> => {
  let held: { readonly value: A } | undefined
  const one = Semaphore.makeUnsafe(1)
  return {
    get: one.withPermits(1)(Effect.suspend(() =>
      held === undefined
        ? Effect.tap(effect, (value) =>
          Effect.sync(() => {
            held = { value }
          }))
        : Effect.succeed(held.value)
    )),
    release: Effect.sync(() => {
      held = undefined
    })
  }
}
