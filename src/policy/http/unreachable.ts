/** Nobody listens at an address, or there is no such host: a matter for whoever typed it. */
import type { HttpClientError } from "effect/http"

const codes: ReadonlyArray<unknown> = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]

/** More causes of causes than any failure of a connection has. */
const deepest = 4

/** A host with several addresses fails with an error for each: any of them tells. */
const tells = (cause: unknown, depth: number): boolean =>
  cause instanceof Error && depth > 0 && (
    ("code" in cause && codes.includes(cause.code)) ||
    (cause instanceof AggregateError && cause.errors.some((error) => tells(error, depth - 1))) ||
    tells(cause.cause, depth - 1)
  )

/** Whether that is why a connection failed, by the code of one of its causes. */
export const isUnreachable = ({ reason }: HttpClientError.HttpClientError): boolean => tells(reason.cause, deepest)

/** What to do then. */
export const unreachable = "is it running, and is the address right?"
