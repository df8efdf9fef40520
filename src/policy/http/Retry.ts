/** When another attempt is made. */
import * as Keyed from "../../kernels/math/Keyed.ts"

/** Exponential backoff, in milliseconds. */
export interface Backoff {
  readonly first: number
  readonly longest: number
}

/**
 * Milliseconds that a Retry-After header asks for: seconds, or the time of an HTTP date (RFC 9110, section 10.2.3).
 *
 * @returns undefined where it is missing or cannot be read
 */
export const retryAfter = (header: string | undefined, nowMillis: number): number | undefined => {
  const text = header?.trim() ?? ""
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000)
  const date = /[a-z]/i.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMillis)
}

/**
 * Milliseconds to wait after the given attempt (from 1): doubles from `first` to `longest`, of which a keyed half is
 * drawn, so that requests that failed together do not return together. Never less than the server asked for.
 */
export const delay = (
  { first, longest }: Backoff,
  draw: { readonly seed: number; readonly key: string },
  attempt: number,
  asked: number | undefined
): number => {
  const whole = Math.min(longest, first * 2 ** (attempt - 1))
  const { next } = Keyed.stream(draw.seed, `${draw.key}/attempt=${attempt}/backoff`)
  return Math.round((asked ?? 0) + whole * (0.5 + next() / 2))
}
