/**
 * Requests to an OpenAI-compatible server: bounded in number, time and size; repeated where that can help.
 *
 * The key is put on a request and nowhere else: errors are built from texts from which it has been taken out, never
 * from the request itself. Answers are read as they come: whatever the key is, a word of an answer is not it.
 */
import { Clock, Duration, Effect, Redacted, Result, type Schema, Semaphore, Stream } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { shownAddress } from "./Address.ts"
import * as Complaint from "./Complaint.ts"
import * as Outage from "./Outage.ts"
import { judge } from "./Refusal.ts"
import { excerpt, RemoteError } from "./RemoteError.ts"
import * as Retry from "./Retry.ts"
import * as Secret from "./Secret.ts"
import type { Unusable } from "./Wire.ts"

export interface Limits {
  /** Requests under way at a time. Default 8. */
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
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly seed: number
}

export interface Request<out A> {
  readonly path: string
  readonly body: Readonly<Record<string, Schema.Json>>
  /** Names the request's random draws. */
  readonly key: string
  /** Reads a 2xx answer. One that is none is asked for again. */
  readonly read: (text: string) => Result.Result<A, Unusable>
}

export interface Client {
  /** Sends JSON and gives the answer that was read. */
  readonly post: <A>(request: Request<A>) => Effect.Effect<A, RemoteError>
}

/** A failed attempt, and whether and when another is worth making. */
interface Failed {
  readonly error: Omit<ConstructorParameters<typeof RemoteError>[0], "url" | "attempts">
  readonly again: boolean
  /** Milliseconds the server asked to wait. */
  readonly asked?: number | undefined
}

const LONGEST_WAIT_MILLIS = 60_000

const tooLarge = (limit: number): Failed => (
  { again: false, error: { kind: "too-large", reason: `the answer is larger than ${limit} bytes (maxResponseBytes)` } }
)

/** Why the connection failed: the innermost cause says it, and none of them holds the request. */
const connectionReason = ({ reason }: HttpClientError.HttpClientError): string => {
  const parts: Array<string> = []
  for (let cause: unknown = reason.cause; cause instanceof Error && parts.length < 4; cause = cause.cause) {
    if (cause.message !== "" && !parts.includes(cause.message)) parts.push(cause.message)
  }
  return parts.join(": ") || "no reason given"
}

const broken = (error: HttpClientError.HttpClientError): Failed =>
  error.reason._tag === "InvalidUrlError" || error.reason._tag === "EncodeError"
    ? { again: false, error: { kind: "connection", reason: `the request cannot be made: ${connectionReason(error)}` } }
    : { again: true, error: { kind: "connection", reason: `the connection failed: ${connectionReason(error)}` } }

/** The body as text, given up as soon as it is larger than allowed. */
const read = (response: HttpClientResponse.HttpClientResponse, limit: number): Effect.Effect<string, Failed> =>
  Effect.gen(function*() {
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    yield* response.stream.pipe(
      Stream.mapError(broken),
      Stream.runForEach((chunk) => {
        bytes += chunk.length
        if (bytes > limit) return Effect.fail(tooLarge(limit))
        chunks.push(chunk)
        return Effect.void
      })
    )
    return Buffer.concat(chunks).toString("utf8")
  })

export const make = Effect.fnUntraced(function*(options: Options) {
  const { apiKey, attempts = 6, baseUrl, maxResponseBytes = 16 * 1024 * 1024, seed } = options
  const http = yield* HttpClient.HttpClient
  const outage = Outage.make()
  const permits = yield* Semaphore.make(options.concurrency ?? 8)
  const attemptTimeout = Duration.fromInputUnsafe(options.attemptTimeout ?? "2 minutes")
  const timeLimit = Duration.fromInputUnsafe(options.timeLimit ?? "10 minutes")
  const backoff: Retry.Backoff = {
    first: Duration.toMillis(Duration.fromInputUnsafe(options.backoff ?? "1 second")),
    longest: LONGEST_WAIT_MILLIS
  }
  // Some servers and proxies send back what they were sent: it must reach neither an error nor a log.
  const clean = Secret.redactor(apiKey === undefined ? "" : Redacted.value(apiKey))
  const shown = (text: string) => excerpt(clean(text))

  const refused = Effect.fnUntraced(function*(
    complaint: Complaint.Complaint,
    response: HttpClientResponse.HttpClientResponse,
    sent: Request<unknown>["body"]
  ) {
    const { status } = response
    const verdict = judge(complaint, new Set(Object.keys(sent)))
    const inner = complaint.status === undefined ? "" : ` of status ${complaint.status}`
    const inside = status < 300 ? ` with an error${inner}` : ""
    const failed: Failed = {
      again: verdict.about === "moment",
      asked: Retry.retryAfter(response.headers["retry-after"], yield* Clock.currentTimeMillis),
      error: {
        kind: "status",
        status,
        reason: `the server answered ${status}${inside}`,
        excerpt: shown(complaint.message),
        ...(verdict.about === "request" && { about: verdict.about }),
        ...(verdict.about === "fields" && { about: verdict.about, fields: verdict.fields }),
        ...(verdict.about === "set-up" && { advice: verdict.advice })
      }
    }
    return yield* Effect.fail(failed)
  })

  const attempt = <A>({ body, path, read: readAnswer }: Request<A>): Effect.Effect<A, Failed> =>
    Effect.gen(function*() {
      const request = HttpClientRequest.post(`${baseUrl}${path}`).pipe(
        HttpClientRequest.acceptJson,
        HttpClientRequest.bodyJsonUnsafe(body),
        apiKey === undefined ? (made) => made : HttpClientRequest.bearerToken(apiKey)
      )
      const cleaned = Effect.mapError((failed: Failed): Failed => ({
        ...failed,
        error: { ...failed.error, reason: clean(failed.error.reason) }
      }))
      const response = yield* cleaned(Effect.mapError(http.execute(request), broken))
      const text = yield* cleaned(read(response, maxResponseBytes))
      const { status } = response
      if (status < 200 || status >= 300) return yield* refused(Complaint.ofText(status, text), response, body)
      // What is nested without end is more than a reader's stack holds.
      const answer = Result.flatMap(
        Result.try({
          try: () => readAnswer(text),
          catch: (cause): Unusable => ({ reason: `the answer cannot be read: ${String(cause)}` })
        }),
        (read) => read
      )
      if (Result.isSuccess(answer)) return answer.success
      if ("complaint" in answer.failure) return yield* refused(answer.failure.complaint, response, body)
      const { reason } = answer.failure
      return yield* Effect.fail<Failed>(
        { again: true, error: { kind: "malformed", reason: shown(reason), excerpt: shown(text) } }
      )
    }).pipe(Effect.timeoutOrElse({
      duration: attemptTimeout,
      orElse: () =>
        Effect.fail<Failed>(
          {
            again: true,
            error: {
              kind: "timeout",
              reason: `no whole answer within ${Duration.format(attemptTimeout)} (attemptTimeout)`
            }
          }
        )
    }))

  const post = Effect.fn("Remote.post")(function*<A>(request: Request<A>) {
    const { key, path } = request
    const url = clean(shownAddress(`${baseUrl}${path}`))
    let made = 0
    const repeated = Effect.gen(function*() {
      const started = yield* Clock.currentTimeMillis
      for (;;) {
        made++
        const result = yield* Effect.result(attempt(request))
        if (Result.isSuccess(result)) {
          outage.over()
          return result.success
        }
        const { again, asked, error } = result.failure
        const fail = (reason = error.reason) => new RemoteError({ ...error, reason, url, attempts: made })
        if (!again || made >= attempts) return yield* fail()
        const wait = Retry.delay(backoff, { seed, key }, made, asked)
        const left = Duration.toMillis(timeLimit) - ((yield* Clock.currentTimeMillis) - started)
        if (wait >= left) {
          return yield* fail(
            `${error.reason}; the next attempt would be in ${Math.ceil(wait / 1000)} s, beyond the limit of ${
              Duration.format(timeLimit)
            } (timeLimit)`
          )
        }
        yield* outage.failed(error, url, wait)
        yield* Effect.sleep(wait)
      }
    })
    const limited = Effect.timeoutOrElse(repeated, {
      duration: timeLimit,
      orElse: () =>
        Effect.fail(
          new RemoteError({
            url,
            kind: "timeout",
            reason: `no answer within ${Duration.format(timeLimit)} (timeLimit)`,
            attempts: made
          })
        )
    })
    // A request that waits keeps its place: a server that cannot follow is asked less.
    return yield* permits.withPermit(limited)
  })

  const client: Client = { post: (request) => post(request) }
  return client
})
