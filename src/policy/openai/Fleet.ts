/**
 * Servers that hold the same model: which of them is asked next, and which is left alone for a while.
 *
 * A request goes to the one with the fewest, once it has a place. One that fails is taken out, its requests go to the
 * others, and one of them after a while finds out whether it is back; each time it is not, the while is twice as long.
 */
import { Clock, Deferred, Effect } from "effect"
import { warn } from "../../kernels/runtime/Warning.ts"
import * as Outage from "../http/Outage.ts"

export interface Server {
  /** Without a slash at its end. */
  readonly baseUrl: string
  /** As it is shown. */
  readonly shown: string
  readonly outage: ReturnType<typeof Outage.make>
  /** Requests that it has. */
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
  /**
   * Does something at a server, in a place of its own: at the one that has the fewest requests, as soon as one may have
   * another. One that was away is given to a single request, to try it.
   */
  readonly place: <A, E>(work: (server: Server) => Effect.Effect<A, E>) => Effect.Effect<A, E>
  /** Whether another server is in service, or may be tried again. */
  readonly others: (server: Server) => Effect.Effect<boolean>
  /** Leaves a server alone: told once. */
  readonly takeOut: (server: Server, reason: string, asked?: number) => Effect.Effect<void>
  /** It has answered. */
  readonly back: (server: Server) => Effect.Effect<void>
}

const least = (servers: ReadonlyArray<Server>, of: (server: Server) => number): Server | undefined =>
  servers.reduce<Server | undefined>(
    (least, next) => least === undefined || of(next) < of(least) ? next : least,
    undefined
  )

export const make = ({ addresses, concurrency, rest }: Options): Fleet => {
  const servers = addresses.map(({ baseUrl, shown }): Server => (
    { baseUrl, shown, outage: Outage.make(), load: 0, out: undefined, failures: 0 }
  ))
  const inService = () => servers.filter(({ out }) => out === undefined)
  /** Requests that wait for a place, the oldest first. */
  const waiting: Array<Deferred.Deferred<void>> = []
  const wake = (count: number) =>
    Effect.forEach(waiting.splice(0, count), (waiter) => Deferred.succeed(waiter, undefined), { discard: true })

  /** A server that may have another request. */
  const free = (now: number): Server | undefined => {
    const due = servers.find(({ out }) => out !== undefined && out <= now)
    if (due !== undefined) {
      due.out = now + rest(++due.failures)
      return due
    }
    const open = inService()
    const spare = (open.length > 0 ? open : servers).filter(({ load }) => load < concurrency)
    return least(spare, open.length > 0 ? ({ load }) => load : ({ out = 0 }) => out)
  }

  const acquire: Effect.Effect<Server> = Effect.gen(function*() {
    for (let first = true;; first = false) {
      // Who comes later waits behind those that wait.
      const found = first && waiting.length > 0 ? undefined : free(yield* Clock.currentTimeMillis)
      if (found !== undefined) {
        found.load++
        return found
      }
      const waiter = yield* Deferred.make<void>()
      if (first) waiting.push(waiter)
      else waiting.unshift(waiter)
      yield* Effect.onInterrupt(Deferred.await(waiter), () =>
        Effect.suspend(() => {
          const at = waiting.indexOf(waiter)
          if (at < 0) return wake(1)
          waiting.splice(at, 1)
          return Effect.void
        }))
    }
  })

  const fleet: Fleet = {
    servers,
    place: (work) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(acquire), (server) =>
          Effect.ensuring(
            restore(work(server)),
            Effect.suspend(() => {
              server.load--
              return wake(1)
            })
          ))
      ),
    others: (server) =>
      Effect.map(
        Clock.currentTimeMillis,
        (now) => servers.some((other) => other !== server && (other.out === undefined || other.out <= now))
      ),
    takeOut: Effect.fnUntraced(function*(server, reason, asked = 0) {
      const now = yield* Clock.currentTimeMillis
      const first = server.out === undefined
      // Requests that were under way together fail together: that is one failure.
      if (first) server.failures = 1
      server.out = now + Math.max(asked, rest(server.failures))
      if (!first) return
      yield* warn(
        `${server.shown}: ${reason}; its requests go to the other servers ` +
          `(${inService().length} of ${servers.length} left), it is tried again later`
      )
    }),
    back: (server) =>
      Effect.suspend(() => {
        const was = server.out
        server.out = undefined
        server.failures = 0
        server.outage.over()
        return was === undefined
          ? Effect.void
          : Effect.andThen(warn(`${server.shown} answers again`), wake(concurrency))
      })
  }
  return fleet
}
