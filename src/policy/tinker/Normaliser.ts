/**
 * What an engine divides a loss by. The protocol does not say, and servers differ: some sum over tokens, some take the
 * mean of each sequence, some the mean over the sequences of an update.
 */
import { type Datum, lengthOfAll } from "./Wire.ts"

export interface Normaliser {
  /** By the tokens of each sequence, or of the batch. */
  readonly tokens: "none" | "sequence" | "batch"
  /** By the sequences of a request, or of all requests of an update. */
  readonly data: "none" | "request" | "update"
}

/** The protocol's own: a sum. */
export const sum: Normaliser = { tokens: "none", data: "none" }

/** In words, for people. */
export const say = ({ data, tokens }: Normaliser): string =>
  tokens === "batch"
    ? `mean over the tokens of a ${data}`
    : `${tokens === "sequence" ? "mean" : "sum"} over the tokens of a sequence, ${
      data === "none"
        ? "sum over sequences"
        : `mean over the sequences of ${data === "request" ? "a request" : "an update"}`
    }`

/** What advantages of each sequence are multiplied by, so that the engine's division leaves them as they were. */
export const factors = (
  { data, tokens }: Normaliser,
  requests: ReadonlyArray<ReadonlyArray<Datum>>
): ReadonlyArray<ReadonlyArray<number>> => {
  const all = requests.flat()
  const lengths = (data: ReadonlyArray<Datum>) => data.reduce((n, { chunks }) => n + lengthOfAll(chunks), 0)
  return requests.map((request) => {
    const among = data === "request" ? request : all
    if (tokens === "batch") return request.map(() => lengths(among))
    const count = data === "none" ? 1 : among.length
    return request.map(({ chunks }) => count * (tokens === "sequence" ? lengthOfAll(chunks) : 1))
  })
}

/** Gradient norms that were measured, each as a multiple of the first one's. */
export interface Measured {
  /** The same sequence, every advantage doubled. */
  readonly doubled: number
  /** The sequence twice in one request. */
  readonly twice: number
  /** The sequence in each of two requests of one update. */
  readonly apart: number
  /** The sequence with as many tokens again behind it that have no advantage. */
  readonly longer: number
  /** The sequence and the longer one in one request. */
  readonly mixed: number
}

/** Whether two measurements are the same, as far as an engine's own rounding allows. */
export const near = (a: number, b: number): boolean => Math.abs(a - b) <= 0.02 * Math.max(1, Math.abs(b))

/**
 * The normaliser that measurements speak for.
 *
 * @returns what is wrong, in words, where none does
 */
export const of = ({ apart, doubled, longer, mixed, twice }: Measured): Normaliser | string => {
  if (!near(doubled, 2)) {
    return `advantages that are doubled multiply the gradient by ${doubled.toFixed(3)}, expected 2`
  }
  const halved = near(longer, 0.5)
  if (!halved && !near(longer, 1)) {
    return `twice the tokens multiply the gradient by ${longer.toFixed(3)}, expected 1 (a sum) or 0.5 (a mean)`
  }
  const each = near(twice, 2) ? "none" : near(twice, 1) ? near(apart, 2) ? "request" : "update" : undefined
  if (each === undefined) {
    return `a sequence that is sent twice multiplies the gradient by ${
      twice.toFixed(3)
    }, expected 2 (a sum) or 1 (a mean)`
  }
  if (!halved) return { tokens: "none", data: each }
  // Two means of sequences: (1 + 1/2) / 2. One mean over all of their tokens: 2/3.
  return each !== "none" && near(mixed, 2 / 3) ? { tokens: "batch", data: each } : { tokens: "sequence", data: each }
}
