/** What every client of a server does alike: why a connection failed, and bodies that are bounded. */
import { Effect, Stream } from "effect"
import type { HttpClientError, HttpClientResponse } from "effect/http"

/** Why a connection failed. The innermost causes say it, and none of them holds the request. */
export const reasonOf = ({ reason }: HttpClientError.HttpClientError): string => {
  const parts: Array<string> = []
  for (let cause: unknown = reason.cause; cause instanceof Error && parts.length < 4; cause = cause.cause) {
    if (cause.message !== "" && !parts.includes(cause.message)) parts.push(cause.message)
  }
  return parts.join(": ") || "no reason given"
}

/** Whether the request itself cannot be made: no attempt would be another. */
export const isUnsendable = ({ reason }: HttpClientError.HttpClientError): boolean =>
  reason._tag === "InvalidUrlError" || reason._tag === "EncodeError"

/** The whole body, given up as soon as it is larger than allowed. */
export const read = <E>(
  response: HttpClientResponse.HttpClientResponse,
  limit: number,
  failures: {
    readonly broken: (error: HttpClientError.HttpClientError) => E
    readonly tooLarge: () => E
  }
): Effect.Effect<Buffer, E> =>
  Effect.gen(function*() {
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    yield* response.stream.pipe(
      Stream.mapError(failures.broken),
      Stream.runForEach((chunk) => {
        bytes += chunk.length
        if (bytes > limit) return Effect.fail(failures.tooLarge())
        chunks.push(chunk)
        return Effect.void
      })
    )
    return Buffer.concat(chunks)
  })
