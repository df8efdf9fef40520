/** Values of data sets as errors quote them: on one line, and of a length that can be read. */
import { show } from "../kernels/text/show.ts"

/** Any value. */
export const quoted = (value: unknown): string => value === undefined ? "missing" : show(value)

/** Names that are listed before the others are counted. */
export const listed = 10

/** Names one after the other, the first of many. */
export const names = (all: ReadonlyArray<string>, most = listed): string =>
  all.slice(0, most).map((name) => quoted(name)).join(", ") +
  (all.length > most ? ` and ${all.length - most} more` : "")

/** Longest list of labels that is still one to be copied. */
const copied = 100

/** `--labels sun,'heavy rain'`, whole, as it is copied into a command. */
export const labelsFlag = (labels: ReadonlyArray<string>): string => {
  const text = labels.slice(0, copied).join(",")
  const word = /^[\p{L}\p{N}_./:=,@%+-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
  return `--labels ${word}${labels.length > copied ? ",…" : ""}`
}

/** `1 picture`, `2 pictures`. */
export const count = (n: number, unit: string): string => `${n} ${unit}${n === 1 ? "" : "s"}`
