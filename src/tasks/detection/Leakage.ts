/**
 * What quoting the annotation means for boxes: coordinates in either order of writing, in digits or in words, and
 * measures.
 */
import { Option } from "effect"
import * as Leakage from "../../dsl/Leakage.ts"
import type { LeakReason } from "../../dsl/Task.ts"
import { type Annotation, wanted } from "./Annotation.ts"
import type { Space } from "./Box.ts"
import type { Codec } from "./Codec.ts"

/** Whether a reasoning may name what is in the box. */
export type LabelPolicy = "allow" | "forbid"

const digits = "one two three four five six seven eight nine".split(" ")
const below = new Map<string, number>([
  ...digits.map((name, i) => [name, i + 1] as const),
  ..."ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(" ").map((name, i) =>
    [name, i + 10] as const
  ),
  ..."twenty thirty forty fifty sixty seventy eighty ninety".split(" ").map((name, i) => [name, 20 + 10 * i] as const)
])
const names = [...below.keys()].join("|")
/** "three hundred and twenty-one", "three twenty": how a policy would spell what it may not write. */
const hundreds = new RegExp(
  `\\b(${digits.join("|")})[- ](?:hundred(?:[- ]and)?(?:[- ](${names}))?|(${names}))(?:[- ](${digits.join("|")}))?\\b`,
  "gi"
)

const measures: ReadonlyArray<readonly [reason: string, pattern: RegExp]> = [
  ["coordinate", /\b(?:[xy][12]?\s*[=:≈]|(?:left|top|right|bottom|width|height)\s*[=≈])\s*-?\d+/i],
  ["pixels", /\d\s*(?:-\s*)?(?:px|pixels?)\b/i],
  ["size", /(?<!\d)\d{2,}\s*(?:x|×|by)\s*\d{2,}/i],
  ["number-list", /(?<!\d)\d+(?:\s*[,;]\s*\d+){2,}/]
]

const spelled = (text: string, wantedNumbers: ReadonlySet<number>): string | undefined => {
  for (const [phrase, hundred = "", rest, beside, last = ""] of text.matchAll(hundreds)) {
    const value = 100 * (below.get(hundred.toLowerCase()) ?? 0) +
      (below.get((rest ?? beside ?? "").toLowerCase()) ?? 0) + (below.get(last.toLowerCase()) ?? 0)
    if (value >= 100 && wantedNumbers.has(value)) return phrase
  }
  return undefined
}

/** The leakage rule of a detection task: L(R, A) of eq. 1. */
export const leaks =
  <S extends Space>(codec: Codec<S>, policy: LabelPolicy) =>
  (reasoning: string, truth: Annotation<S>): Option.Option<LeakReason> => {
    const text = reasoning.normalize("NFKC")
    const targets = wanted(truth)
    if (policy === "forbid") {
      const lower = ` ${text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ")} `
      const named = targets.find(({ label }) => label !== undefined && lower.includes(` ${label.toLowerCase()} `))
        ?.label
      if (named !== undefined) return Option.some({ reason: "label", value: named })
    }
    for (const [reason, pattern] of measures) {
      const found = pattern.exec(text)?.[0]
      if (found !== undefined) return Option.some({ reason, value: found })
    }
    const numbers = new Set(targets.flatMap(({ box }) => codec.numbers(box)))
    const inWords = spelled(text, numbers)
    return inWords === undefined
      ? Leakage.numeric(reasoning, { coordinates: numbers })
      : Option.some({ reason: "annotation-number", value: inWords })
  }
