/**
 * L(R, A) of eq. 1: does a reasoning quote the annotation's numbers?
 *
 * The rule of this project: any decimal, percentage or share, any bracketed list of numbers, and any integer equal to
 * one of the annotation's own numbers is leakage, in digits or in words. Small counts ("two people", "3 balloons") are
 * not. A policy under reinforcement looks for the holes, so digits in other scripts and digits split by a space count
 * as well.
 */
import { Option } from "effect"
import type { LeakReason } from "./Task.ts"

export interface NumericOptions {
  /** The integers that the written annotation contains. */
  readonly coordinates: Iterable<number>
  /** Names of classes: an integer beside one is a rating, never a count. */
  readonly names?: ReadonlyArray<string>
}

/** The integers in a written annotation: what a reasoning must not repeat. */
export const numbersIn = (annotation: string): ReadonlyArray<number> => (annotation.match(/\d+/g) ?? []).map(Number)

const units = "one two three four five six seven eight nine".split(" ")
const teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(" ")
const tens = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ")

/** Written-out integers from 11 up. Smaller ones are counting words. */
const spelled = new Map<string, number>([
  ...teens.slice(1).map((word, i) => [word, 11 + i] as const),
  ...tens.flatMap((ten, i) => [
    [ten, 20 + 10 * i] as const,
    ...units.map((unit, j) => [`${ten} ${unit}`, 21 + 10 * i + j] as const)
  ]),
  ["hundred", 100] as const
])
const spelledPattern = new RegExp(
  `\\b(?:(?:${tens.join("|")})(?:[- ](?:${units.join("|")}))?|${teens.slice(1).join("|")}|hundred)\\b`,
  "gi"
)

/** Each returns the text that gives it away. */
const anywhere: ReadonlyArray<readonly [reason: string, find: (text: string) => string | undefined]> = [
  ["percentage", (text) => /\d\s*[%‰]|\bper ?cents?\b/i.exec(text)?.[0]],
  ["decimal", (text) => /\d\.\d+|(?<![\p{L}\p{N}.])\.\d+|(?<![\p{L}\p{N}])0,\d+/u.exec(text)?.[0]],
  ["share", (text) => /\d\s*[/⁄]\s*\d+|\d\s+out\s+of\s+\d+/i.exec(text)?.[0]],
  [
    "number-list",
    (text) => {
      for (const [whole, inside = ""] of text.matchAll(/[[({]([\s\d,;:+-]*)[\])}]/g)) {
        if ((inside.match(/\d+/g)?.length ?? 0) > 1) return whole
      }
      return undefined
    }
  ],
  ["numeral", (text) => /[^\x00-\x7f]/.test(text) ? /(?![0-9])\p{N}/u.exec(text)?.[0] : undefined]
]

/** Largest integer that may count things even when the annotation contains it. */
const largestCount = 10

/** The first numeric leak in a reasoning, if there is one. */
export const numeric = (reasoning: string, options: NumericOptions): Option.Option<LeakReason> => {
  // Full-width digits, superscripts and ½ become their plain forms.
  const text = reasoning.normalize("NFKC")
  for (const [reason, find] of anywhere) {
    const value = find(text)
    if (value !== undefined) return Option.some({ reason, value })
  }
  const coordinates = new Set(options.coordinates)
  if (coordinates.size === 0) return Option.none()
  const leak = (value: string) => Option.some({ reason: "annotation-number", value })

  const names = new Set(options.names?.flatMap((name) => name.toLowerCase().split(" ")))
  for (const match of text.matchAll(/\d+/g)) {
    if (!coordinates.has(Number(match[0]))) continue
    const end = match.index + match[0].length
    const before = /((?<!\p{L})\p{L}+|[:=~])\s*$/u.exec(text.slice(Math.max(0, match.index - 40), match.index))?.[1]
    const after = /^\s+(\p{L}+)/u.exec(text.slice(end, end + 40))?.[1]
    const counts = Number(match[0]) <= largestCount && after !== undefined && !names.has(after.toLowerCase()) &&
      !(before !== undefined && (/[:=~]/.test(before) || names.has(before.toLowerCase())))
    if (!counts) return leak(match[0])
  }
  for (const [run] of text.matchAll(/(?<!\d)\d(?: \d)+(?!\d)/g)) {
    const digits = run.split(" ")
    for (let i = 0; i + 1 < digits.length; i++) {
      const joined = digits.slice(i, i + 2).join("")
      if (coordinates.has(Number(joined)) || coordinates.has(Number(digits.slice(i, i + 3).join("")))) return leak(run)
    }
  }
  for (const [word] of text.matchAll(spelledPattern)) {
    const value = spelled.get(word.toLowerCase().replace("-", " "))
    if (value !== undefined && coordinates.has(value)) return leak(word)
  }
  return Option.none()
}
