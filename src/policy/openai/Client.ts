/**
 * Requests to OpenAI-compatible servers: bounded in number, time and size; repeated where that can help, at another
 * server where there is one.
 */
import { Clock, Duration, Effect, Redacted, Result } from "effect"
import { HttpClient } from "effect/http"
import { shownAddress } from "../http/Address.ts"
import * as Retry from "../http/Retry.ts"
import * as Secret from "../http/Secret.ts"
import * as Attempt from "./Attempt.ts"
import * as Fleet from "./Fleet.ts"
import { RemoteError } from "./RemoteError.ts"

export type { Request } from "./Attempt.ts"

export interface Limits {
  /** Requests under way at a time at one server. Default 8. */
  readonly concurrency?: number
  /** Attempts of one request, the first included. Default 6. */
  readonly attempts?: number
  /** Longest wait for one attempt's whole answer. Default 2 minutes. */
  readonly attemptTimeout?: Duration.Input
  /** Longest time for one request with its repetitions and the waits between them. Default 10 minutes. */
  readonly timeLimit?: Duration.Input
  /** First wait between attempts; it doubles each time. Default 1 second. */
  readonly backoff?: Duration.Input
  /** Largest answer, in bytes. Default 16 MiB. */
  readonly maxResponseBytes?: number
}

export interface Options extends Limits {
  /** Without a slash at their ends: at least one. */
  readonly baseUrls: ReadonlyArray<string>
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly seed: number
}

export interface Client {
  /** Sends JSON to the server that has least to do, and gives the answer that was read. */
  readonly post: <A>(request: Attempt.Request<A>) => Effect.Effect<A, RemoteError>
  /**
   * Sends the same to every server. One that does not answer is taken out, as long as another answers.
   *
   * @returns the answers of those that gave one
   */
  readonly broadcast: <A>(request: Attempt.Request<A>) => Effect.Effect<ReadonlyArray<A>, RemoteError>
  /** What a server is sent before it is asked again after it was away: it may have been started anew. */
  readonly onReturn: (requests: ReadonlyArray<Attempt.Request<unknown>>) => void
}

const LONGEST_WAIT_MILLIS = 60_000

/** Whether the server itself is away. A limit of requests is no outage, nor is an answer that nobody can read. */
const isAway = ({ error: { kind, status = 0 } }: Attempt.Failed): boolean =>
  kind === "connection" || kind === "timeout" || status >= 500 && status !== 501

export const make = Effect.fnUntraced(function*(options: Options) {
  const { apiKey, attempts = 6, baseUrls, concurrency = 8, maxResponseBytes = 16 * 1024 * 1024, seed } = options
  const attemptTimeout = Duration.fromInputUnsafe(options.attemptTimeout ?? "2 minutes")
  const timeLimit = Duration.fromInputUnsafe(options.timeLimit ?? "10 minutes")
  const backoff: Retry.Backoff = {
    first: Duration.toMillis(Duration.fromInputUnsafe(options.backoff ?? "1 second")),
    longest: LONGEST_WAIT_MILLIS
  }
  const clean = Secret.redactor(apiKey === undefined ? "" : Redacted.value(apiKey))
  const attempt = Attempt.make({ http: yield* HttpClient.HttpClient, apiKey, attemptTimeout, maxResponseBytes })
  const fleet = Fleet.make({
    addresses: baseUrls.map((baseUrl) => ({ baseUrl, shown: clean(shownAddress(baseUrl)) })),
    concurrency,
    rest: (failures) => Math.min(backoff.longest, backoff.first * 2 ** (failures - 1))
  })
  let returning: ReadonlyArray<Attempt.Request<unknown>> = []

  /** An attempt at a server; at one that was away, what it has to know first. */
  const attemptAt = <A>(server: Fleet.Server, request: Attempt.Request<A>) =>
    Effect.gen(function*() {
      if (server.out !== undefined) {
        for (const first of returning) {
          const told = yield* Effect.result(attempt(server.baseUrl, first))
          // What it holds already it may refuse.
          if (Result.isFailure(told) && told.failure.again) return yield* Effect.fail(told.failure)
        }
      }
      return yield* attempt(server.baseUrl, request)
    })

  /** What one request has been through. */
  interface Course {
    started: number | undefined
    made: number
    /** Attempts after which another server was asked. */
    moved: number
  }

  /** Attempts at one server, in one of its places, until there is an answer; none where another is to be asked. */
  const visit = Effect.fnUntraced(
    function*<A>(server: Fleet.Server, request: Attempt.Request<A>, course: Course) {
      const url = clean(shownAddress(Attempt.addressOf(server.baseUrl, request.path)))
      const others = fleet.others(server)
      const started = course.started ??= yield* Clock.currentTimeMillis
      const fail = (error: Attempt.Failed["error"], reason = error.reason) =>
        new RemoteError({ ...error, reason, url, attempts: course.made })
      const repeated = Effect.gen(function*() {
        for (;;) {
          course.made++
          const result = yield* Effect.result(attemptAt(server, request))
          if (Result.isSuccess(result)) {
            yield* fleet.back(server)
            return { answer: result.success }
          }
          const failed = result.failure
          const { again, asked, error } = failed
          if (again && isAway(failed) && (yield* others)) {
            course.moved++
            yield* fleet.takeOut(server, error.reason, asked)
            return undefined
          }
          if (!again || course.made - course.moved >= attempts) return yield* fail(error)
          const wait = Retry.delay(backoff, { seed, key: request.key }, course.made - course.moved, asked)
          const left = Duration.toMillis(timeLimit) - ((yield* Clock.currentTimeMillis) - started)
          if (wait >= left) {
            return yield* fail(
              error,
              `${error.reason}; the next attempt would be in ${Math.ceil(wait / 1000)} s, beyond the limit of ${
                Duration.format(timeLimit)
              } (timeLimit)`
            )
          }
          yield* server.outage.failed(error, url, wait)
          // A request that waits keeps its place: a server that cannot follow is asked less.
          yield* Effect.sleep(wait)
          if (isAway(failed) && (yield* others)) return undefined
        }
      })
      const left = Duration.toMillis(timeLimit) - ((yield* Clock.currentTimeMillis) - started)
      return yield* Effect.timeoutOrElse(repeated, {
        duration: Math.max(0, left),
        orElse: () =>
          Effect.fail(
            fail({ kind: "timeout", reason: `no answer within ${Duration.format(timeLimit)} (timeLimit)` })
          )
      })
    }
  )

  const post = Effect.fn("Remote.post")(function*<A>(request: Attempt.Request<A>) {
    const course: Course = { started: undefined, made: 0, moved: 0 }
    for (;;) {
      const found = yield* fleet.place((server) => visit(server, request, course))
      if (found !== undefined) return found.answer
    }
  })

  const broadcast = Effect.fn("Remote.broadcast")(function*<A>(request: Attempt.Request<A>) {
    const found = yield* Effect.forEach(fleet.servers, (server) =>
      Effect.gen(function*() {
        // One that is away is sent this when it is back.
        if (server.out !== undefined && (yield* fleet.others(server))) return undefined
        return yield* visit(server, request, { started: undefined, made: 0, moved: 0 })
      }), { concurrency: "unbounded" })
    return found.flatMap((found) => found === undefined ? [] : [found.answer])
  })

  const client: Client = {
    post: (request) => post(request),
    broadcast: (request) => broadcast(request),
    onReturn: (requests) => void (returning = requests)
  }
  return client
})
