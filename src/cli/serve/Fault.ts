/**
 * Why a request is not answered, as OpenAI's API says it: `{ error: { message, type, param, code } }`.
 */
import { Schema } from "effect"
import { HttpServerResponse } from "effect/http"

/** A request that is refused or failed, with the status of its answer. */
export class Fault extends Schema.TaggedError<Fault>()("ServeFault", {
  status: Schema.Int,
  type: Schema.Literals(["invalid_request_error", "permission_error", "rate_limit_error", "server_error"]),
  code: Schema.NullOr(Schema.String),
  /** The field or header that is wrong. */
  param: Schema.NullOr(Schema.String),
  reason: Schema.String,
  /** Seconds after which it is worth another attempt. */
  retryAfter: Schema.optionalKey(Schema.Int)
}) {
  override get message() {
    return this.reason
  }
}

/** A request that is wrong in itself: sent again it is refused again. */
export const invalid = (reason: string, param: string | null = null, code: string | null = null, status = 400): Fault =>
  new Fault({ status, type: "invalid_request_error", code, param, reason })

/** Too much at a time: later there is room. */
export const busy = (reason: string, retryAfter: number): Fault =>
  new Fault({ status: 429, type: "rate_limit_error", code: "rate_limit_exceeded", param: null, reason, retryAfter })

/** Not now, whoever asks. */
export const unavailable = (reason: string, retryAfter: number): Fault =>
  new Fault({ status: 503, type: "server_error", code: "unavailable", param: null, reason, retryAfter })

export const failed = (reason: string): Fault =>
  new Fault({ status: 500, type: "server_error", code: null, param: null, reason })

/** The body of an answer, and of an event where an answer has begun. */
export const bodyOf = ({ code, param, reason, type }: Fault) => ({ error: { message: reason, type, param, code } })

export const response = (fault: Fault): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(bodyOf(fault), {
    status: fault.status,
    headers: {
      ...(fault.retryAfter !== undefined && { "retry-after": String(fault.retryAfter) }),
      // What is still to come of such a body is not waited for.
      ...((fault.status === 408 || fault.status === 413) && { connection: "close" }),
      ...(fault.status === 401 && { "www-authenticate": "Bearer" })
    }
  })
