/**
 * What went wrong between this process and an engine that speaks the Tinker protocol: the cause of a `PolicyError`.
 * Never holds the key.
 */
import { Schema } from "effect"
import { unreachable } from "../http/unreachable.ts"

/** Statuses of a server that wants a key, or another one. */
const wantsKey = (status: number | undefined) => status === 401 || status === 403

const keyAdvice = "it wants a key: set TINKER_API_KEY of the environment (apiKey in a script) to one of this engine's"

export class TinkerError extends Schema.TaggedError<TinkerError>()("TinkerError", {
  url: Schema.String,
  /**
   * - `connection`: no answer, or one that broke off
   * - `timeout`: no answer in time
   * - `status`: the server refused the request
   * - `failed`: the server took the request and could not do it
   * - `lost`: the server knows the session, the model or the request no more
   * - `malformed`: an answer that is not what the protocol says
   */
  kind: Schema.Literals(["connection", "timeout", "status", "failed", "lost", "malformed"]),
  reason: Schema.String,
  status: Schema.optional(Schema.Int),
  /** The server's own words, cut. */
  excerpt: Schema.optional(Schema.String),
  attempts: Schema.Int,
  /** Whether nobody listens at the address, or there is no such host. */
  unreachable: Schema.optionalKey(Schema.Boolean)
}) {
  /** What to do next, where that is known. */
  get advice(): string | undefined {
    if (wantsKey(this.status)) return keyAdvice
    if (this.unreachable === true) return unreachable
    const [, rank] = /\brank\b.{0,60}\bbetween \d+ and (\d+)/i.exec(`${this.reason} ${this.excerpt ?? ""}`) ?? []
    return rank === undefined ? undefined : `train an adapter of such a rank: --lora ${rank} (rank in a script)`
  }

  /** What went wrong, without advice. */
  get said(): string {
    const tries = this.attempts > 1 ? ` (after ${this.attempts} attempts)` : ""
    const words = this.excerpt === undefined ? "" : `: ${this.excerpt}`
    return `${this.url}: ${this.reason}${tries}${words}`
  }

  override get message() {
    return this.advice === undefined ? this.said : `${this.said}; ${this.advice}`
  }
}
