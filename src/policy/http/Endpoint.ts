/** Addresses, keys and durations of a server, looked at before anything is sent: what is wrong with one, in words. */
import { Duration, Option, Redacted } from "effect"
import type * as Rules from "../../kernels/math/Rules.ts"
import { shownAddress } from "./Address.ts"

/** A key as options have it. */
export type Key = Redacted.Redacted<string> | string | undefined

/** A key as it is kept from here on: in no message and no log. */
export const secretOf = (apiKey: Key): Redacted.Redacted<string> | undefined =>
  typeof apiKey === "string" ? Redacted.make(apiKey) : apiKey

/**
 * Where a key holds what no header can carry: most often a line's end, or a quote that was pasted with it.
 *
 * @param name what the key is called: "apiKey"
 */
export const checkKey = (apiKey: Key, name: string): string | undefined => {
  const key: unknown = Redacted.isRedacted(apiKey) ? Redacted.value(apiKey) : apiKey
  if (apiKey === undefined) return undefined
  if (typeof key !== "string") return `apiKey is a ${typeof key}, expected a string or a Redacted string`
  const at = key.search(/[^\x21-\x7e]/)
  return at < 0 ? undefined : `${name} holds white space or a character beyond ASCII at position ${at}`
}

/**
 * An address of HTTP without user, password or query.
 *
 * @param example after "expected": "an address such as http://localhost:8000/v1"
 * @param noQuery the same, where it holds a query
 */
export const checkAddress = (
  address: unknown,
  { example, noQuery }: { readonly example: string; readonly noQuery: string }
): string | undefined => {
  if (typeof address !== "string") return `baseUrl is ${String(address)}, expected ${example}`
  if (!URL.canParse(address)) return `baseUrl is "${shownAddress(address)}", expected ${example}`
  const { password, protocol, search, username } = new URL(address)
  if (protocol !== "http:" && protocol !== "https:") return `baseUrl begins with ${protocol}, expected http: or https:`
  if (username !== "" || password !== "") return "baseUrl holds a user or a password; give a key as apiKey"
  return search === "" ? undefined : `baseUrl holds a query (behind "?"), expected ${noQuery}`
}

/** Whether a value is of a type that durations are written in. */
const isDuration = (value: unknown): value is Duration.Input =>
  typeof value === "string" || typeof value === "number" && value >= 0 || typeof value === "bigint" ||
  Duration.isDuration(value)

export const duration: Rules.Rule = {
  expected: "a duration such as \"2 minutes\", or milliseconds from 0",
  holds: (value) => isDuration(value) && Option.isSome(Duration.fromInput(value))
}
