/**
 * Bodies of requests, read within limits: of one body, of all that are held at a time, and of time.
 *
 * A client that sends slowly holds the few bytes that it has sent, and no place in the line.
 */
import { Duration, Effect, Result, type Scope, Stream } from "effect"
import type { HttpServerRequest } from "effect/http"
import * as Json from "../../kernels/weights/Json.ts"
import * as Fault from "./Fault.ts"

export interface Limits {
  /** Largest body, in bytes. */
  readonly bytes: number
  /** Of all bodies that are held at a time. */
  readonly held: number
  /** Longest time that a body may take to come. */
  readonly time: Duration.Duration
}

export interface Bodies {
  /** The whole body; its bytes count until the scope closes. */
  readonly read: (
    request: HttpServerRequest.HttpServerRequest
  ) => Effect.Effect<Uint8Array, Fault.Fault, Scope.Scope>
  /** Bytes that are held now. */
  readonly held: () => number
}

const MIB = 2 ** 20
const mebibytes = (bytes: number) => `${Math.round(bytes / MIB * 10) / 10} MiB`

export const make = (limits: Limits): Bodies => {
  let held = 0
  const tooLarge = (found: string) =>
    Fault.invalid(
      `the body has ${found}, expected at most ${mebibytes(limits.bytes)}: shrink the picture, or start the server ` +
        "with a larger --max-body",
      null,
      "request_too_large",
      413
    )

  const read: Bodies["read"] = Effect.fnUntraced(function*(request) {
    const announced = Number(request.headers["content-length"] ?? 0)
    if (announced > limits.bytes) return yield* tooLarge(mebibytes(announced))
    let own = 0
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        held -= own
      })
    )
    const parts: Array<Uint8Array> = []
    yield* request.stream.pipe(
      Stream.mapError(() => Fault.invalid("the body broke off before its end: send it again")),
      Stream.runForEach((part) =>
        Effect.suspend((): Effect.Effect<void, Fault.Fault> => {
          own += part.length
          held += part.length
          if (own > limits.bytes) return Effect.fail(tooLarge(`more than ${mebibytes(limits.bytes)}`))
          if (held > limits.held) {
            return Effect.fail(
              Fault.unavailable(`the server holds ${mebibytes(held)} of pictures already: try again soon`, 1)
            )
          }
          parts.push(part)
          return Effect.void
        })
      ),
      Effect.timeoutOrElse({
        duration: limits.time,
        orElse: () =>
          Effect.fail(
            Fault.invalid(
              `the body did not come within ${Duration.format(limits.time)}: ${own} bytes of it did`,
              null,
              "request_timeout",
              408
            )
          )
      })
    )
    return Buffer.concat(parts)
  })
  return { read, held: () => held }
}

const decoder = new TextDecoder("utf-8", { fatal: true })

/** A body as JSON, within the bounds of every JSON that is read here; no object of it has a key twice. */
export const json = (bytes: Uint8Array): Effect.Effect<unknown, Fault.Fault> =>
  Effect.fromResult(Result.try({
    try: () => Json.parseUnrepeated(decoder.decode(bytes)),
    catch: (cause) =>
      Fault.invalid(
        bytes.length === 0
          ? "the body is empty, expected JSON"
          : cause instanceof Json.RepeatedKey
          ? `the body: ${cause.message}`
          : `the body is no JSON that can be read: ${cause instanceof Error ? cause.message.slice(0, 160) : "?"}`,
        null,
        "invalid_json"
      )
  }))
