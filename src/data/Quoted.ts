/** Values of data sets as errors quote them: on one line, and of a length that can be read. */

/** Longest text that is quoted whole. */
const longest = 100

/** Any value, also one that is nested too deep to be written. */
export const quoted = (value: unknown): string => {
  let text: string
  try {
    text = JSON.stringify(value) ?? "missing"
  } catch {
    text = Array.isArray(value) ? "a list nested too deep" : "an object nested too deep"
  }
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}

/** Names one after the other, the first of many. */
export const names = (all: ReadonlyArray<string>, most = 10): string =>
  all.slice(0, most).map((name) => quoted(name)).join(", ") +
  (all.length > most ? ` and ${all.length - most} more` : "")

/** `1 picture`, `2 pictures`. */
export const count = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? "" : "s"}`
