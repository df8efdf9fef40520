/**
 * Few files open at a time, however many pictures are asked for at once: a process may hold only so many.
 */
import { Effect, Schedule, Semaphore } from "effect"
import * as SystemFault from "../runtime/SystemFault.ts"

/** As many as threads read them. */
const permits = Semaphore.makeUnsafe(8)

const isTooMany = (error: unknown): boolean => ["EMFILE", "ENFILE"].includes(SystemFault.codeOf(error) ?? "")

/** Waits for its turn; where others hold all that the process may, asks again for a quarter of a second. */
export const inTurn = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  permits.withPermit(Effect.retry(effect, { while: isTooMany, times: 5, schedule: Schedule.spaced("50 millis") }))
