/**
 * Who may ask: whoever knows the token, where there is one; on loopback whoever is on this machine, but no page of
 * another site in a browser here.
 */
import { Effect, Redacted } from "effect"
import type { HttpServerRequest } from "effect/http"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { isIP } from "node:net"
import * as Fault from "./Fault.ts"

/** Whether an address is reached from this machine alone. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || isIP(host) === 4 && host.startsWith("127.")

/** A token that nobody guesses. */
export const makeToken = (): Redacted.Redacted<string> => Redacted.make(randomBytes(24).toString("base64url"))

/** What is wrong with a token, in words: it has to go into a header. */
export const wrongToken = (token: string): string | undefined =>
  /^[\x21-\x7e]{8,512}$/.test(token) ? undefined : "8 to 512 characters of ASCII without blanks are expected"

const digest = (text: string) => createHash("sha256").update(text).digest()

/** The name in a Host header or an origin, without port and brackets. */
const nameIn = (authority: string): string => authority.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase()

/** What every request is held to. */
export interface Access {
  /** Also for the page: a name that leads here may be anybody's (DNS rebinding). */
  readonly address: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void, Fault.Fault>
  readonly token: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<void, Fault.Fault>
}

export const make = (
  { host, token }: { readonly host: string; readonly token: Redacted.Redacted<string> | undefined }
): Access => {
  const wanted = token === undefined ? undefined : digest(Redacted.value(token))
  const forbidden = (reason: string, param: string) =>
    new Fault.Fault({ status: 403, type: "permission_error", code: "forbidden", param, reason })
  return {
    address: ({ headers }) => {
      const { host: asked = "", origin } = headers
      if (isLoopback(host) && !isLoopback(nameIn(asked))) {
        return Effect.fail(
          forbidden(
            `the Host header is ${JSON.stringify(asked.slice(0, 80))}, expected this machine's: localhost`,
            "host"
          )
        )
      }
      if (origin !== undefined && origin.replace(/^https?:\/\//, "") !== asked) {
        return Effect.fail(
          forbidden(`a page of ${JSON.stringify(origin.slice(0, 80))} asks: only this server's own page may`, "origin")
        )
      }
      return Effect.void
    },
    token: ({ headers: { authorization = "" } }) => {
      if (wanted === undefined) return Effect.void
      const [, given = ""] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
      if (timingSafeEqual(digest(given), wanted)) return Effect.void
      return Effect.fail(
        Fault.invalid(
          `${given === "" ? "no token was sent" : "the token is wrong"}: send the one that the server was started ` +
            "with as \"Authorization: Bearer TOKEN\"; clients of OpenAI take it as their API key",
          "authorization",
          "invalid_api_key",
          401
        )
      )
    }
  }
}
