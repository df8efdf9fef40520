/** Nobody listens at an address, or there is no such host: a matter for whoever typed it. */
import type { HttpClientError } from "effect/http"

const codes: ReadonlyArray<unknown> = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]

/** Whether that is why a connection failed, by the code of one of its causes. */
export const isUnreachable = ({ reason }: HttpClientError.HttpClientError): boolean => {
  for (let cause: unknown = reason.cause; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && codes.includes(cause.code)) return true
  }
  return false
}

/** What to do then. */
export const unreachable = "is it running, and is the address right?"
