/**
 * A format kept by likelihood alone: the answer of another lesson is a text for this one's picture, learned from where
 * it parts from the picture's own.
 *
 * A small model that has learned few pictures by heart writes, for one that lies between them, the beginning of one
 * answer and the end of another. Where it has begun as another lesson does, it is taught to go on as that lesson does,
 * whatever the picture. What parts them is not taught, for it would be wrong of this picture, and nothing before it,
 * for that is its own lesson. Nothing is drawn and no grammar is needed: any engine that learns from given texts
 * learns it.
 */
import type { Prompt, SupervisedExample, TargetSegment } from "../../policy/Policy.ts"
import type { Form } from "./Pipeline.ts"

/** A lesson, as it is taught. */
export interface Taught {
  readonly prompt: Prompt
  readonly form: Form
  /** The answer alone, or as the part of a think-answer that may weigh otherwise than what stands around it. */
  readonly target: ReadonlyArray<TargetSegment>
}

/** A lesson's text: the answer, and what stands around it. */
const partsOf = (target: ReadonlyArray<TargetSegment>) => {
  const [first = "", second, third = ""] = target.map(({ text }) => text)
  return second === undefined
    ? { before: "", answer: first, after: "" }
    : { before: first, answer: second, after: third }
}

/**
 * Where `other` parts from `own`, behind the word that parts them; undefined where it never does, and where it is only
 * shorter.
 */
export const parting = (own: string, other: string): number | undefined => {
  let at = 0
  while (at < other.length && own[at] === other[at]) at++
  if (at === other.length) return undefined
  const word = /\s*\S*/y
  word.lastIndex = at
  word.test(other)
  return word.lastIndex
}

/** The other's answer for the picture of a lesson: what is known weighs nothing, the rest `weight` a token. */
const example = (
  { prompt, target }: Taught,
  other: Taught,
  weight: number
): ReadonlyArray<SupervisedExample> => {
  const { after, answer, before } = partsOf(target)
  const text = partsOf(other.target).answer
  const from = parting(answer, text)
  return from === undefined ? [] : [{
    prompt,
    target: [
      { text: before + text.slice(0, from), weight: 0 },
      { text: text.slice(from), weight },
      ...(after === "" ? [] : [{ text: after, weight }])
    ]
  }]
}

/** An example for each lesson of a batch, by the next one of its form (the last: the first), where answers part. */
export const of = (lessons: ReadonlyArray<Taught>, weight: number): ReadonlyArray<SupervisedExample> =>
  weight === 0 ? [] : lessons.flatMap((lesson, i) => {
    const other = [...lessons.slice(i + 1), ...lessons.slice(0, i)].find(({ form }) => form === lesson.form)
    return other === undefined ? [] : example(lesson, other, weight)
  })
