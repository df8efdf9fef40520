/**
 * Requests to an engine, one at a time: repeated where that can help, bounded in time and size. What may be sent twice
 * without harm is up to the protocol: every request that changes something carries a number that makes it the same
 * request.
 */
import { Clock, Duration, Effect, Redacted } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import * as Connection from "../http/Connection.ts"
import { excerpt } from "../http/excerpt.ts"
import * as Outage from "../http/Outage.ts"
import * as Retry from "../http/Retry.ts"
import * as Secret from "../http/Secret.ts"
import { isUnreachable } from "../http/unreachable.ts"
import { TinkerError } from "./TinkerError.ts"

export interface Limits {
  /** Attempts of one request, the first included. Default 8. */
  readonly attempts?: number
  /** Longest wait for one answer; a server may hold a poll for minutes. Default 6 minutes. */
  readonly attemptTimeout?: Duration.Input
  /** First wait between attempts; it doubles each time. Default 1 second. */
  readonly backoff?: Duration.Input
  /** Largest answer, in bytes. Default 1 GiB. */
  readonly maxResponseBytes?: number
}

export interface Options extends Limits {
  /** Without a slash at its end. */
  readonly baseUrl: string
  readonly apiKey: Redacted.Redacted<string> | undefined
  readonly seed: number
  /** A server that asks for a longer wait than this is not waited for. */
  readonly patience: Duration.Duration
}

export interface Request {
  readonly method: "GET" | "POST"
  /** Behind the base address and `/api/v1/`. */
  readonly path: string
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
  readonly accept: string
  /** Names the request's waits. */
  readonly key: string
  /** Asks for a result, which a server need not have yet: its 408 is an answer. */
  readonly poll?: boolean
}

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly bytes: Uint8Array
}

export interface Transport {
  /** Every answer of a server that is up, whatever its status: what a status means depends on the call. */
  readonly send: (request: Request) => Effect.Effect<Answer, TinkerError>
  /** A refusal as an error, in the server's words without the key. */
  readonly refused: (request: Request, answer: Answer, kind?: TinkerError["kind"], reason?: string) => TinkerError
}

const LONGEST_WAIT_MILLIS = 60_000

/** Statuses that mean "ask again": timeouts, too early, too many, and a server in trouble. */
const passing = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 ||
  status >= 500 && status !== 501

/** Puts a key on a request: hosted engines read one header, gateways in front of one's own the other. */
export const authorised =
  (apiKey: Redacted.Redacted<string> | undefined) =>
  (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
    apiKey === undefined
      ? request
      : HttpClientRequest.bearerToken(apiKey)(HttpClientRequest.setHeader("x-api-key", Redacted.value(apiKey))(request))

interface Failed {
  readonly kind: "connection" | "timeout" | "malformed"
  readonly reason: string
  readonly again: boolean
  readonly unreachable?: boolean
}

export const make = Effect.fnUntraced(function*(options: Options) {
  const { apiKey, attempts = 8, baseUrl, maxResponseBytes = 2 ** 30, seed } = options
  const http = yield* HttpClient.HttpClient
  const outage = Outage.make()
  const attemptTimeout = Duration.fromInputUnsafe(options.attemptTimeout ?? "6 minutes")
  const backoff: Retry.Backoff = {
    first: Duration.toMillis(Duration.fromInputUnsafe(options.backoff ?? "1 second")),
    longest: LONGEST_WAIT_MILLIS
  }
  const clean = Secret.redactor(apiKey === undefined ? "" : Redacted.value(apiKey))
  const urlOf = ({ path }: Request) => `${baseUrl}/api/v1/${path}`

  const attempt = ({ accept, body, method, path }: Request) =>
    Effect.gen(function*() {
      const broken = (error: HttpClientError.HttpClientError): Failed => ({
        kind: "connection",
        reason: `the connection failed: ${clean(Connection.reasonOf(error))}`,
        again: !Connection.isUnsendable(error),
        ...(isUnreachable(error) && { unreachable: true })
      })
      const addressed = authorised(apiKey)(
        HttpClientRequest.make(method)(`${baseUrl}/api/v1/${path}`, { headers: { accept } })
      )
      const request = body === undefined
        ? addressed
        : HttpClientRequest.bodyUint8Array(body.bytes, body.type)(addressed)
      const response = yield* Effect.mapError(http.execute(request), broken)
      const bytes = yield* Connection.read(response, maxResponseBytes, {
        broken,
        tooLarge: (): Failed => ({
          kind: "malformed",
          reason: `the answer is larger than ${maxResponseBytes} bytes (maxResponseBytes)`,
          again: false
        })
      })
      const answer: Answer & { readonly asked: number | undefined } = {
        status: response.status,
        contentType: response.headers["content-type"] ?? "",
        bytes,
        asked: Retry.retryAfter(response.headers["retry-after"], yield* Clock.currentTimeMillis)
      }
      return answer
    }).pipe(Effect.timeoutOrElse({
      duration: attemptTimeout,
      orElse: () =>
        Effect.fail<Failed>({
          kind: "timeout",
          reason: `no whole answer within ${Duration.format(attemptTimeout)} (attemptTimeout)`,
          again: true
        })
    }))

  const words = ({ bytes }: Answer) => excerpt(clean(Buffer.from(bytes.subarray(0, 4096)).toString("utf8")))

  const refused: Transport["refused"] = (request, answer, kind = "status", reason) =>
    new TinkerError({
      url: urlOf(request),
      kind,
      status: answer.status,
      // What was read of the answer may quote what was sent.
      reason: reason === undefined ? `the server answered ${answer.status}` : clean(reason),
      // Bytes say nothing to people.
      ...(!answer.contentType.includes("protobuf") && { excerpt: words(answer) }),
      attempts: 1
    })

  const send = Effect.fn("Tinker.send")(function*(request: Request) {
    for (let made = 1;; made++) {
      const found = yield* Effect.result(attempt(request))
      const wait = (asked?: number) => Retry.delay(backoff, { seed, key: request.key }, made, asked)
      if (found._tag === "Success") {
        const { asked, ...answer } = found.success
        if (!passing(answer.status) || request.poll === true && answer.status === 408) {
          outage.over()
          return answer
        }
        if (made >= attempts) {
          return yield* new TinkerError({ ...refused(request, answer), attempts: made })
        }
        const pause = wait(asked)
        if (pause > Duration.toMillis(options.patience)) {
          const reason = `the server answered ${answer.status} and asks to wait ${Math.ceil(pause / 1000)} s, longer ` +
            `than ${Duration.format(options.patience)} (patience)`
          return yield* new TinkerError({ ...refused(request, answer, "status", reason), attempts: made })
        }
        yield* outage.failed(
          { kind: "status", status: answer.status, reason: `the server answered ${answer.status}` },
          urlOf(request),
          pause
        )
        yield* Effect.sleep(pause)
        continue
      }
      const { again, kind, reason, unreachable } = found.failure
      if (!again || made >= attempts) {
        return yield* new TinkerError({
          url: urlOf(request),
          kind,
          reason,
          attempts: made,
          ...(unreachable === true && { unreachable })
        })
      }
      const pause = wait()
      yield* outage.failed({ kind: kind === "timeout" ? "timeout" : "connection", reason }, urlOf(request), pause)
      yield* Effect.sleep(pause)
    }
  })

  const transport: Transport = { send: (request) => send(request), refused }
  return transport
})
