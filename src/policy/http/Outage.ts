/** Telling of a server that does not answer: once, however many requests wait for it. */
import { Clock, Effect } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"

/** Least time between two warnings of a server that goes and comes. */
const TOLD_AGAIN_MILLIS = 60_000

/** What a failed attempt tells of the server. */
interface Failure {
  readonly kind: string
  readonly reason: string
  readonly status?: number | undefined
}

export const make = () => {
  let told = false
  let last = -Infinity
  return {
    /** Another attempt will be made in so many milliseconds. */
    failed: Effect.fnUntraced(function*({ kind, reason, status = 0 }: Failure, url: string, wait: number) {
      const now = yield* Clock.currentTimeMillis
      // A limit of requests is no outage.
      const away = kind === "connection" || kind === "timeout" || status >= 500
      if (!away || told || now - last < TOLD_AGAIN_MILLIS) return
      told = true
      last = now
      yield* warn(`${url}: ${reason}; asking again in ${(wait / 1000).toFixed(1)} s, later each time`)
    }),
    /** The server has answered. */
    over: () => void (told = false)
  }
}
