/**
 * `joy 67 surprise 20 neutral 13`: how a distribution is written for a model, and how untrusted text is read back.
 *
 * Writing: whole percents that sum to 100, largest first, zeros left out. Reading is strict in content (each label
 * once, integers 1 to 100, nothing else) and lenient in white space and order; it does not ask for a sum of 100,
 * because the similarity prices that (eq. 2).
 */
import { Result } from "effect"
import { type FormatReason, formatReason } from "../../dsl/Task.ts"
import * as Divergence from "../../kernels/math/Divergence.ts"
import { type Distribution, hasNumber, isNumberLike, top } from "./Labels.ts"

/** Why a text is not a distribution: the `reason` of its `FormatReason`. */
export type Fault =
  | "empty"
  | "missing-label"
  | "unknown-label"
  | "repeated-label"
  | "missing-number"
  | "not-an-integer"
  | "number-out-of-range"

/** Whole percents of a distribution that sum to 100, by largest remainder; ties go to the earlier label. */
export const percents = (distribution: Distribution): ReadonlyArray<number> => {
  const parts = Divergence.normalise(distribution).map((p, i) => {
    // Sums and products round: 28.999999999999996 is meant as 29.
    const whole = Math.floor(100 * p + 1e-9)
    return { i, whole, rest: 100 * p - whole }
  })
  const missing = 100 - parts.reduce((sum, part) => sum + part.whole, 0)
  const raised = new Set(parts.toSorted((a, b) => b.rest - a.rest || a.i - b.i).slice(0, missing).map((part) => part.i))
  return parts.map(({ i, whole }) => raised.has(i) ? whole + 1 : whole)
}

/** Writes a distribution; see the module. */
export const encode = (labels: ReadonlyArray<string>) => (distribution: Distribution): string =>
  percents(distribution)
    .map((percent, i) => ({ percent, label: labels[i] }))
    .filter(({ percent }) => percent > 0)
    // A stable sort: equal percents stay in label order.
    .sort((a, b) => b.percent - a.percent)
    .map(({ label, percent }) => `${label} ${percent}`)
    .join(" ")

/** Writes the label with most mass, the first of them where several tie: an answer that is one label. */
export const encodeSingle = (labels: ReadonlyArray<string>) => (distribution: Distribution): string =>
  labels[top(distribution)[0] ?? 0] ?? ""

/**
 * Reads a distribution in label order, percents over 100, zeros where a label is not named. Total: any text gives a
 * value or a reason.
 */
export const decode = (labels: ReadonlyArray<string>) => {
  const index = new Map(labels.map((label, i) => [label, i]))
  const longest = Math.max(...labels.map((label) => label.split(" ").length))

  /** The longest label that starts at `from`, and how many words it takes. */
  const labelAt = (words: ReadonlyArray<string>, from: number) => {
    for (let length = Math.min(longest, words.length - from); length > 0; length--) {
      const name = words.slice(from, from + length).join(" ")
      const label = index.get(name)
      if (label !== undefined) return { label, name, length }
    }
    return undefined
  }

  return (text: string): Result.Result<Distribution, FormatReason> => {
    const fail = (reason: Fault, value: string) => Result.fail(formatReason(reason, value))
    const words = text.trim().split(/\s+/)
    if (words[0] === "") return fail("empty", text)
    const values = new Array<number>(labels.length).fill(0)
    let at = 0
    for (let first = words[at]; first !== undefined; first = words[++at]) {
      const found = labelAt(words, at)
      if (found === undefined) return fail(isNumberLike(first) ? "missing-label" : "unknown-label", first)
      const { label, length, name } = found
      at += length
      const word = words[at]
      if (word === undefined || labelAt(words, at) !== undefined) return fail("missing-number", name)
      if (!/^[+-]?\d+$/.test(word)) return fail("not-an-integer", word)
      const percent = Number(word)
      if (!/^[1-9]\d{0,2}$/.test(word) || percent > 100) return fail("number-out-of-range", word)
      if (values[label] !== 0) return fail("repeated-label", name)
      values[label] = percent / 100
    }
    return Result.succeed(values)
  }
}

/** Reads one label as all of the mass; anything else as `decode` does, unless numbers are labels. */
export const decodeSingle = (labels: ReadonlyArray<string>) => {
  const distribution = decode(labels)
  const numbers = labels.some(hasNumber)
  return (text: string): Result.Result<Distribution, FormatReason> => {
    const written = text.trim().split(/\s+/).join(" ")
    // A full stop behind a label is the model's, unless it is the label's own.
    const name = labels.includes(written) ? written : written.replace(/\.$/, "")
    const label = labels.indexOf(name)
    if (label >= 0) return Result.succeed(labels.map((_, i) => i === label ? 1 : 0))
    return numbers && name !== "" ? Result.fail(formatReason("unknown-label", name)) : distribution(text)
  }
}
