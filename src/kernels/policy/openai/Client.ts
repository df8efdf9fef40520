/**
 * Requests to an OpenAI-compatible server: bounded in number, time and size; repeated where that can help.
 *
 * The key is put on a request and nowhere else: errors are built from texts from which it has been taken out, never from the
 * request itself.
 */
import { Clock, Duration, Effect, Redacted, Result, type Schema, Semaphore, Stream } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { excerpt, RemoteError } from "./RemoteError.ts"
import * as Retry from "./Retry.ts"
import { readRefusal } from "./Wire.ts"

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

export interface Client {
  /** Sends JSON and gives the text of a 2xx answer. `key` names the request's random draws. */
  readonly post: (path: string, body: Schema.Json, key: string) => Effect.Effect<string, RemoteError>
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
  { again: false, error: { kind: "too-large", reason: `the answer is larger than ${limit} bytes (maxResponseBytes)` } })

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
  const permits = yield* Semaphore.make(options.concurrency ?? 8)
  const attemptTimeout = Duration.fromInputUnsafe(options.attemptTimeout ?? "2 minutes")
  const timeLimit = Duration.fromInputUnsafe(options.timeLimit ?? "10 minutes")
  const backoff: Retry.Backoff = {
    first: Duration.toMillis(Duration.fromInputUnsafe(options.backoff ?? "1 second")),
    longest: LONGEST_WAIT_MILLIS
  }
  const secret = apiKey === undefined ? "" : Redacted.value(apiKey)
  // Some servers and proxies send back what they were sent: it must reach neither an error nor a file.
  const clean = (text: string) => secret === "" ? text : text.replaceAll(secret, "<redacted>")

  const refused = Effect.fnUntraced(function*(response: HttpClientResponse.HttpClientResponse, text: string) {
    const { code, message, parameter } = yield* readRefusal(text)
    const { status } = response
    const failed: Failed = {
      again: Retry.worthwhile(status, code),
      asked: Retry.retryAfter(response.headers["retry-after"], yield* Clock.currentTimeMillis),
      error: {
        kind: "status",
        status,
        reason: `the server answered ${status}`,
        excerpt: excerpt(message ?? text),
        ...(parameter === undefined ? {} : { parameter })
      }
    }
    return yield* Effect.fail(failed)
  })

  const attempt = (path: string, body: Schema.Json): Effect.Effect<string, Failed> =>
    Effect.gen(function*() {
      const request = HttpClientRequest.post(`${baseUrl}${path}`).pipe(
        HttpClientRequest.acceptJson,
        HttpClientRequest.bodyJsonUnsafe(body),
        apiKey === undefined ? (made) => made : HttpClientRequest.bearerToken(apiKey)
      )
      const response = yield* Effect.mapError(http.execute(request), broken)
      const text = clean(yield* read(response, maxResponseBytes))
      return response.status >= 200 && response.status < 300 ? text : yield* refused(response, text)
    }).pipe(Effect.timeoutOrElse({
      duration: attemptTimeout,
      orElse: () => Effect.fail<Failed>(
        { again: true, error: { kind: "timeout", reason: `no whole answer within ${Duration.format(attemptTimeout)} (attemptTimeout)` } })
    }))

  const post: Client["post"] = Effect.fn("Remote.post")(function*(path, body, key) {
    const url = `${baseUrl}${path}`
    let made = 0
    const repeated = Effect.gen(function*() {
      const started = yield* Clock.currentTimeMillis
      for (;;) {
        made++
        const result = yield* Effect.result(attempt(path, body))
        if (Result.isSuccess(result)) return result.success
        const { again, asked, error } = result.failure
        const fail = (reason = error.reason) =>
          new RemoteError({ ...error, reason: clean(reason), url, attempts: made })
        if (!again || made >= attempts) return yield* fail()
        const wait = Retry.delay(backoff, { seed, key }, made, asked)
        const left = Duration.toMillis(timeLimit) - ((yield* Clock.currentTimeMillis) - started)
        if (wait >= left) {
          return yield* fail(`${error.reason}; the next attempt would be in ${Math.ceil(wait / 1000)} s, beyond the limit of ${Duration.format(timeLimit)} (timeLimit)`)
        }
        yield* Effect.sleep(wait)
      }
    })
    const limited = Effect.timeoutOrElse(repeated, {
      duration: timeLimit,
      orElse: () => Effect.fail(new RemoteError({ url, kind: "timeout", reason: `no answer within ${Duration.format(timeLimit)} (timeLimit)`, attempts: made }))
    })
    // A request that waits keeps its place: a server that cannot follow is asked less.
    return yield* permits.withPermit(limited)
  })

  const client: Client = { post }
  return client
})
