/**
 * F of eq. 1: what form a reasoning must have to be paid for. What stands around it in a think-answer is
 * `ThinkAnswer`'s.
 */
import { Option } from "effect"
import { withoutEndOfTurn } from "../kernels/text/TurnMarks.ts"
import { type FormatReason, formatReason } from "./Task.ts"

/** Fewest words of a narrative. */
export const minimumWords = 5

/**
 * Finds words where no spaces part them: Chinese, Japanese, Thai. Made when a text needs it: its tables take 30 ms to
 * load.
 */
let segmenter: Intl.Segmenter | undefined
const segmentsOf = (text: string) =>
  (segmenter ??= new Intl.Segmenter(undefined, { granularity: "word" })).segment(text)

/** Letters of scripts that put no spaces between words. */
const unspaced = new RegExp(
  `[${
    ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"].map((name) => `\\p{Script=${name}}`).join("")
  }]`,
  "u"
)

/** Words of a text, counted as far as it matters. */
const wordsIn = (text: string): number => {
  const spaced = text.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length
  // A long text without spaces is not read to its end.
  return spaced >= minimumWords || !unspaced.test(text)
    ? spaced
    : [...segmentsOf(text.slice(0, 200))].filter(({ isWordLike }) => isWordLike).length
}

/** F_CoT on the reasoning alone: a narrative of at least five words, without tags. */
export const narrative = (reasoning: string): Option.Option<FormatReason> => {
  const text = withoutEndOfTurn(reasoning)
  if (text === "") return Option.some(formatReason("empty-reasoning", ""))
  const markup = /<\/?[a-z|!][^<>]{0,60}>/i.exec(text)
  if (markup !== null) return Option.some(formatReason("tag-in-reasoning", markup[0]))
  return wordsIn(text) < minimumWords ? Option.some(formatReason("too-few-words", text)) : Option.none()
}
