/**
 * Places in the line of requests: whoever finds none is told at once when to come back, instead of waiting for ever.
 */
import { Duration, Effect, type Scope } from "effect"
import type { Line } from "../../policy/Gathered.ts"
import * as Fault from "./Fault.ts"

export interface Limits {
  /** Rows (requests × choices) that may wait or be computed. */
  readonly queue: number
  /** Rows of a pass. */
  readonly batch: number
  /** Longest time from a place to its answer. */
  readonly time: Duration.Duration
}

export interface Places {
  /** Takes places until the scope closes. */
  readonly take: (rows: number) => Effect.Effect<void, Fault.Fault, Scope.Scope>
  /** Holds the work to the longest time. */
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Fault.Fault, R>
  /** Lets nobody in any more: those who have a place are answered. */
  readonly close: Effect.Effect<void>
  readonly closed: () => boolean
  /** Rows that have a place. */
  readonly taken: () => number
}

/** Seconds after which another server, or this one anew, may be asked. */
const ELSEWHERE = 5

export const make = ({ batch, queue, time }: Limits, line: Pick<Line, "seconds">): Places => {
  let taken = 0
  let closed = false
  const seconds = () => Math.max(1, Math.ceil(taken / batch * line.seconds()))
  return {
    take: (rows) =>
      Effect.suspend(() => {
        if (closed) {
          return Effect.fail(Fault.unavailable("the server is being stopped: ask another, or later", ELSEWHERE))
        }
        if (taken > 0 && taken + rows > queue) {
          return Effect.fail(
            Fault.busy(
              `rate limit: ${taken} of ${queue} places are taken, ${rows} asked for: try again later`,
              seconds()
            )
          )
        }
        taken += rows
        return Effect.addFinalizer(() =>
          Effect.sync(() => {
            taken -= rows
          })
        )
      }),
    within: (effect) =>
      Effect.timeoutOrElse(effect, {
        duration: time,
        orElse: () =>
          Effect.fail(
            new Fault.Fault({
              status: 504,
              type: "server_error",
              code: "timeout",
              param: null,
              reason: `no answer within ${Duration.format(time)}: ask for fewer tokens, or start the server with a ` +
                "longer --timeout",
              retryAfter: seconds()
            })
          )
      }),
    close: Effect.sync(() => {
      closed = true
    }),
    closed: () => closed,
    taken: () => taken
  }
}
