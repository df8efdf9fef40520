/**
 * Servers that hold the same model: which of them is asked next, and which is left alone for a while.
 *
 * A request goes to the one with the fewest. One that fails is taken out, its requests go to the others, and one of
 * them after a while finds out whether it is back; each time it is not, the while is twice as long.
 */
import { Clock, Effect, Semaphore } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import * as Outage from "./Outage.ts"

export interface Server {
  /** Without a slash at its end. */
  readonly baseUrl: string
  /** As it is shown. */
  readonly shown: string
  /** Requests that it may have at a time. */
  readonly places: Semaphore.Semaphore
  readonly outage: ReturnType<typeof Outage.make>
  /** Requests that it has, and those that wait for a place. */
  load: number
  /** Out of service until then, in milliseconds of the clock; undefined: in service. */
  out: number | undefined
  /** How often it has failed since it last answered. */
  failures: number
}

export interface Options {
  /** Each with how it is shown. */
  readonly addresses: ReadonlyArray<{ readonly baseUrl: string; readonly shown: string }>
  /** Requests that one server may have at a time. */
  readonly concurrency: number
  /** Milliseconds that a server is left alone for after so many failures in a row. */
  readonly rest: (failures: number) => number
}

export interface Fleet {
  readonly servers: ReadonlyArray<Server>
  /** The server that is asked next. One that is to be tried again is for this caller alone. */
  readonly choose: Effect.Effect<Server>
  /** Whether another server is in service. */
  readonly others: (server: Server) => boolean
  /** Leaves a server alone: told once. */
  readonly takeOut: (server: Server, reason: string, asked?: number) => Effect.Effect<void>
  /** It has answered. */
  readonly back: (server: Server) => Effect.Effect<void>
}

export const make = Effect.fnUntraced(function*({ addresses, concurrency, rest }: Options) {
  const servers = yield* Effect.forEach(addresses, ({ baseUrl, shown }) =>
    Effect.map(Semaphore.make(concurrency), (places): Server => (
      { baseUrl, shown, places, outage: Outage.make(), load: 0, out: undefined, failures: 0 }
    )))
  const inService = () => servers.filter(({ out }) => out === undefined)

  const choose = Effect.map(Clock.currentTimeMillis, (now) => {
    const due = servers.find(({ out }) => out !== undefined && out <= now)
    if (due !== undefined) {
      due.out = now + rest(++due.failures)
      return due
    }
    const open = inService()
    return (open.length > 0 ? open : servers).reduce((least, next) =>
      open.length > 0 ? next.load < least.load ? next : least : (next.out ?? 0) < (least.out ?? 0) ? next : least
    )
  })

  const fleet: Fleet = {
    servers,
    choose,
    others: (server) => servers.some((other) => other !== server && other.out === undefined),
    takeOut: Effect.fnUntraced(function*(server, reason, asked = 0) {
      const now = yield* Clock.currentTimeMillis
      const first = server.out === undefined
      // Requests that were under way together fail together: that is one failure.
      if (first) server.failures = 1
      server.out = now + Math.max(asked, rest(server.failures))
      if (!first) return
      yield* warn(
        `${server.shown}: ${reason}; its requests go to the other servers (${inService().length} of ${servers.length} ` +
          "left), it is tried again later"
      )
    }),
    back: (server) =>
      Effect.suspend(() => {
        const was = server.out
        server.out = undefined
        server.failures = 0
        server.outage.over()
        return was === undefined || servers.length === 1 ? Effect.void : warn(`${server.shown} answers again`)
      })
  }
  return fleet
})
