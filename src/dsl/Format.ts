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

/** How often a word may stand in a row: "very, very, very" is speech, a fourth says nothing any more. */
const mostInARow = 3

/** Of fewer words too little is known. */
const judgedFrom = 12

/** Words of a text in lower case, punctuation left out. A long text without spaces is not read to its end. */
const sequenceOf = (text: string): ReadonlyArray<string> =>
  unspaced.test(text)
    ? [...segmentsOf(text.slice(0, 2000))].flatMap(({ isWordLike, segment }) => isWordLike ? [segment] : [])
    : text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*/gu) ?? []

/**
 * What a text says again and again, if it does: the same word four times in a row; or, of a text of twelve words and
 * more, more than half of its runs of three words have been there before.
 */
export const repetition = (reasoning: string): Option.Option<string> => {
  const words = sequenceOf(reasoning)
  let row = 0
  for (const [i, word] of words.entries()) {
    row = word === words[i - 1] ? row + 1 : 1
    if (row > mostInARow) return Option.some(Array.from({ length: row }, () => word).join(" "))
  }
  if (words.length < judgedFrom) return Option.none()
  const seen = new Map<string, number>()
  for (let i = 0; i + 3 <= words.length; i++) {
    const run = words.slice(i, i + 3).join(" ")
    seen.set(run, (seen.get(run) ?? 0) + 1)
  }
  const runs = words.length - 2
  if (runs - seen.size <= runs / 2) return Option.none()
  const [commonest] = [...seen].reduce((most, entry) => entry[1] > most[1] ? entry : most)
  return Option.some(commonest)
}

/** What `narrative` looks at. */
export interface NarrativeOptions {
  /** Whether a text that repeats itself (`repetition`) is refused. Default true. */
  readonly repetition?: boolean | undefined
}

/** F_CoT on the reasoning alone: a narrative of at least five words, without tags, that does not repeat itself. */
export const narrative = (reasoning: string, options: NarrativeOptions = {}): Option.Option<FormatReason> => {
  const text = withoutEndOfTurn(reasoning)
  if (text === "") return Option.some(formatReason("empty-reasoning", ""))
  const markup = /<\/?[a-z|!][^<>]{0,60}>/i.exec(text)
  if (markup !== null) return Option.some(formatReason("tag-in-reasoning", markup[0]))
  if (wordsIn(text) < minimumWords) return Option.some(formatReason("too-few-words", text))
  return options.repetition === false
    ? Option.none()
    : Option.map(repetition(text), (said) => formatReason("repetition", said))
}
