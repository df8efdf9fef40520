/**
 * One request to one server, made once: its answer, or why there is none and whether another attempt is worth making.
 *
 * The key is put on a request and nowhere else: errors are built from texts from which it has been taken out, never
 * from the request itself. Answers are read as they come: whatever the key is, a word of an answer is not it.
 */
import { Clock, Duration, Effect, Redacted, Result, type Schema } from "effect"
import { type HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import * as Connection from "../http/Connection.ts"
import { excerpt } from "../http/excerpt.ts"
import * as Retry from "../http/Retry.ts"
import * as Secret from "../http/Secret.ts"
import { isUnreachable, unreachable } from "../http/unreachable.ts"
import * as Complaint from "./Complaint.ts"
import { judge } from "./Refusal.ts"
import type { RemoteError } from "./RemoteError.ts"
import type { Unusable } from "./Wire.ts"
import * as Said from "./Wordings.ts"

export interface Request<out A> {
  /** Behind the address, or, where it begins with two slashes, behind its host: what stands beside `/v1`. */
  readonly path: string
  readonly body: Readonly<Record<string, Schema.Json>>
  /** Names the request's random draws. */
  readonly key: string
  /** Reads a 2xx answer. One that is none is asked for again. */
  readonly read: (text: string) => Result.Result<A, Unusable>
}

/** A failed attempt, and whether and when another is worth making. */
export interface Failed {
  readonly error: Omit<ConstructorParameters<typeof RemoteError>[0], "url" | "attempts">
  readonly again: boolean
  /** Milliseconds the server asked to wait. */
  readonly asked?: number | undefined
}

const tooLarge = (limit: number): Failed => (
  { again: false, error: { kind: "too-large", reason: `the answer is larger than ${limit} bytes (maxResponseBytes)` } }
)

const broken = (error: HttpClientError.HttpClientError): Failed => {
  const why = Connection.reasonOf(error)
  if (Connection.isUnsendable(error)) {
    return { again: false, error: { kind: "connection", reason: `the request cannot be made: ${why}` } }
  }
  const reason = `the connection failed: ${why}`
  return { again: true, error: { kind: "connection", reason, ...(isUnreachable(error) && { advice: unreachable }) } }
}

export interface Options {
  readonly http: HttpClient.HttpClient
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly attemptTimeout: Duration.Duration
  readonly maxResponseBytes: number
}

/** Where a request goes. */
export const addressOf = (baseUrl: string, path: string): string =>
  path.startsWith("//") ? `${baseUrl.replace(/\/v\d+$/, "")}${path.slice(1)}` : `${baseUrl}${path}`

/** How attempts are made. */
export const make = ({ apiKey, attemptTimeout, http, maxResponseBytes }: Options) => {
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

  return <A>(baseUrl: string, { body, path, read: readAnswer }: Request<A>): Effect.Effect<A, Failed> =>
    Effect.gen(function*() {
      const request = HttpClientRequest.post(addressOf(baseUrl, path)).pipe(
        HttpClientRequest.acceptJson,
        HttpClientRequest.bodyJsonUnsafe(body),
        apiKey === undefined ? (made) => made : HttpClientRequest.bearerToken(apiKey)
      )
      const cleaned = Effect.mapError((failed: Failed): Failed => ({
        ...failed,
        error: { ...failed.error, reason: clean(failed.error.reason) }
      }))
      const response = yield* cleaned(Effect.mapError(http.execute(request), broken))
      const bytes = yield* cleaned(
        Connection.read(response, maxResponseBytes, { broken, tooLarge: () => tooLarge(maxResponseBytes) })
      )
      const text = bytes.toString("utf8")
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
      // A page for people stands at this address: asked again it is the same page.
      const again = !Said.page.test(text)
      return yield* Effect.fail<Failed>({
        again,
        error: { kind: "malformed", reason: shown(reason), excerpt: shown(text) }
      })
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
}
