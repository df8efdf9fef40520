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
import type { SupervisedExample, TargetSegment } from "../../policy/Policy.ts"
import type { Exercise } from "./Practice.ts"

/** A lesson's text: the answer, and what stands around it. */
export interface Lesson {
  readonly before: string
  readonly answer: string
  readonly after: string
}

/** Of a lesson as a target: the answer is the part that may weigh otherwise than what stands around it. */
export const lessonOf = (target: ReadonlyArray<TargetSegment>): Lesson => {
  const [first, second, third] = target.map(({ text }) => text)
  return second === undefined
    ? { before: "", answer: first ?? "", after: "" }
    : { before: first ?? "", answer: second, after: third ?? "" }
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

/** The other's answer for the picture of an exercise: what is known weighs nothing, the rest `weight` a token. */
const example = (
  { prompt, target }: Exercise & { readonly target: ReadonlyArray<TargetSegment> },
  other: ReadonlyArray<TargetSegment>,
  weight: number
): ReadonlyArray<SupervisedExample> => {
  const { after, answer, before } = lessonOf(target)
  const text = lessonOf(other).answer
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

/** The next lesson of the same form, behind the last the first. */
const after = (exercises: ReadonlyArray<Exercise>, i: number) =>
  [...exercises.slice(i + 1), ...exercises.slice(0, i)].find(({ form }) => form === exercises[i]?.form)?.target

/** An example for each of the first `texts` exercises, where the next one's answer is another. */
export const of = (
  exercises: ReadonlyArray<Exercise>,
  { texts, weight }: { readonly texts: number; readonly weight: number }
): ReadonlyArray<SupervisedExample> =>
  exercises.slice(0, texts).flatMap((exercise, i) => {
    const { target } = exercise
    const other = after(exercises, i)
    return target === undefined || other === undefined ? [] : example({ ...exercise, target }, other, weight)
  })
