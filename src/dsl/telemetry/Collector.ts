/**
 * The way to a collector: one that cannot be reached costs one warning, and no run waits for it.
 */
import { Deferred, Effect, Layer, References } from "effect"
import {
  FetchHttpClient,
  HttpClient,
  HttpClientError,
  type HttpClientRequest,
  type HttpClientResponse
} from "effect/http"
import { warn } from "../../kernels/runtime/Warning.ts"

/** So many requests in a row that fail, and for so long none is tried. */
const patience = 3
const restMillis = 60_000
/** A process that ends waits for no answer longer. */
const lastMillis = 2000

/** An address without what may be a secret in it. */
const place = (address: string): string => {
  if (!URL.canParse(address)) return "the collector"
  const { origin, pathname } = new URL(address)
  return `${origin}${pathname}`
}

/** Why a request failed, down to the system's own word: "ECONNREFUSED". */
const reasonOf = (error: unknown): string => {
  for (let cause: unknown = error; typeof cause === "object" && cause !== null; cause = Reflect.get(cause, "cause")) {
    const code: unknown = Reflect.get(cause, "code")
    if (typeof code === "string") return code
  }
  return HttpClientError.isHttpClientError(error) ? error.reason.description ?? error.reason._tag : String(error)
}

/** A collector, and whether it is asked for the last time. */
export interface Collector {
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  /** What fails from now on is not tried again: a process wants to end. */
  readonly closing: Effect.Effect<unknown>
}

/** Sends to the collector, each request within so many milliseconds. */
export const make = Effect.fnUntraced(function*(millis: number): Effect.fn.Return<Collector> {
  const closed = yield* Deferred.make<void>()
  let told = false
  let closing = false
  let failures = 0
  let last = 0
  const failed = (request: HttpClientRequest.HttpClientRequest, reason: string) =>
    Effect.clockWith((clock) => {
      failures++
      last = clock.currentTimeMillisUnsafe()
      if (told) return Effect.void
      told = true
      return warn(
        `telemetry is not delivered: ${place(request.url)}: ${reason}. The run goes on without; see ` +
          "OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS (docs/observability.md)"
      ).pipe(Effect.provideService(References.CurrentLogAnnotations, {}))
    })
  const failure = (
    reason: HttpClientError.EncodeError | HttpClientError.TransportError
  ): Effect.Effect<never, HttpClientError.HttpClientError> =>
    Effect.fail(new HttpClientError.HttpClientError({ reason }))
  /** As what cannot be sent at all: the exporter tries that once. */
  const hopeless = (request: HttpClientRequest.HttpClientRequest) =>
    failure(new HttpClientError.EncodeError({ request, description: "the collector does not answer" }))
  const silent = (request: HttpClientRequest.HttpClientRequest) =>
    failure(new HttpClientError.TransportError({ request, description: "no answer in time" }))
  /** Also what was sent before the process wanted to end keeps it no longer. */
  const late = (request: HttpClientRequest.HttpClientRequest) =>
    Deferred.await(closed).pipe(Effect.andThen(Effect.sleep(lastMillis)), Effect.andThen(silent(request)))
  const sent = (
    sending: Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>,
    request: HttpClientRequest.HttpClientRequest
  ) =>
    Effect.clockWith((clock) =>
      failures >= (closing ? 1 : patience) && clock.currentTimeMillisUnsafe() < last + restMillis
        ? hopeless(request)
        : sending.pipe(
          Effect.raceFirst(late(request)),
          Effect.timeoutOrElse({ duration: millis, orElse: () => silent(request) }),
          Effect.tap(({ status }) =>
            status < 400 ? Effect.sync(() => void (failures = 0)) : failed(request, `it answered ${status}`)
          ),
          Effect.tapError((error) => failed(request, reasonOf(error))),
          Effect.catch((error) => closing ? hopeless(request) : Effect.fail(error))
        )
    )
  return {
    layer: Layer.effect(
      HttpClient.HttpClient,
      Effect.map(HttpClient.HttpClient, (client) => HttpClient.transform(client, sent))
    ).pipe(Layer.provide(FetchHttpClient.layer)),
    closing: Effect.suspend(() => {
      closing = true
      return Deferred.succeed(closed, undefined)
    })
  }
})
