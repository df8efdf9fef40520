/**
 * How sure a model was of each box it wrote: the mean probability of the tokens that wrote it, its name included.
 */
import type { Annotation } from "./Annotation.ts"
import type { Space } from "./Box.ts"

/** Four numbers in brackets, or two pairs: one box. */
const box = new RegExp(
  /[[(]\s*-?[\d.]+(?:\s*,\s*-?[\d.]+){3}\s*[\])]/.source +
    "|" +
    /\(\s*-?[\d.]+\s*,\s*-?[\d.]+\s*\)\s*,\s*\(\s*-?[\d.]+\s*,\s*-?[\d.]+\s*\)/.source,
  "g"
)

/** A label or score behind its box, up to the brace that closes both. */
const behind = /^[^[\]{}()]*\}/

/** Where the answer stands in a text: all of it, or what `<answer>` opens. */
const answerFrom = (text: string): number => {
  const tag = "<answer>"
  const at = text.indexOf(tag)
  return at < 0 ? 0 : at + tag.length
}

/** Characters of each box of an answer with its name, before or behind it, in the order of writing. */
const spans = (text: string): ReadonlyArray<readonly [from: number, to: number]> => {
  let from = answerFrom(text)
  const start = from
  return [...text.slice(start).matchAll(box)].map(({ 0: numbers, index }) => {
    const end = start + index + numbers.length
    const span = [from, end + (behind.exec(text.slice(end))?.[0].length ?? 0)] as const
    from = span[1]
    return span
  })
}

/**
 * Scores the boxes that bear none. Where the boxes cannot be told apart in the text, each takes the mean of the whole
 * answer.
 *
 * @param probability mean probability of the tokens that wrote these characters
 */
export const ranked = <S extends Space>(
  annotation: Annotation<S>,
  text: string,
  probability: (from: number, to: number) => number
): Annotation<S> => {
  const found = spans(text)
  const whole = [answerFrom(text), text.length] as const
  return annotation.map((target, i) => {
    if (target.score !== undefined) return target
    const [from, to] = found.length === annotation.length ? found[i] ?? whole : whole
    return { ...target, score: probability(from, to) }
  })
}
