/**
 * A judge that says the same whatever the label: what it suspects means nothing.
 */
import { Effect, Option, Stream } from "effect"
import { show } from "../../kernels/text/show.ts"
import { type Judge, next } from "./Judge.ts"
import type { Scored } from "./Scored.ts"

/** What a judge has rebuilt for nearly all labels that it answered. */
export interface Monotony {
  /** The judge's part of the data. */
  readonly name: string
  readonly answer: string
  /** Labels that it was rebuilt for, labels that are it, and all that were answered. */
  readonly given: number
  readonly true: number
  readonly of: number
}

/** Fewer answers are too few to tell; so large a share is nearly all; labels of so large a share may be it. */
const [fewest, nearlyAll, most] = [8, 0.9, 0.7]

/**
 * What a judge has rebuilt for nearly all labels, though many labels are others; none of a judge that tells labels
 * apart. Reads the scores twice, and holds one answer: the one that has a majority, if any has (Boyer and Moore).
 */
export const monotony = <E, R>(
  name: string,
  scores: Stream.Stream<Scored, E, R>
): Effect.Effect<Option.Option<Monotony>, E, R> =>
  Effect.gen(function*() {
    const { answer } = yield* Stream.runFold(
      scores,
      (): { readonly answer: string | null; readonly lead: number } => ({ answer: null, lead: 0 }),
      ({ answer, lead }, { reconstruction }) => {
        if (reconstruction === null) return { answer, lead }
        if (lead === 0) return { answer: reconstruction, lead: 1 }
        return { answer, lead: lead + (reconstruction === answer ? 1 : -1) }
      }
    )
    if (answer === null) return Option.none()
    const counts = yield* Stream.runFold(
      scores,
      () => ({ given: 0, true: 0, of: 0 }),
      (counts, { label, reconstruction }) =>
        reconstruction === null ? counts : {
          given: counts.given + (reconstruction === answer ? 1 : 0),
          true: counts.true + (label === answer ? 1 : 0),
          of: counts.of + 1
        }
    )
    const isSame = counts.of >= fewest && counts.given >= nearlyAll * counts.of && counts.true <= most * counts.of
    return isSame ? Option.some({ name, answer, ...counts }) : Option.none()
  })

/** What has to be known of it, before its suspects are looked at. */
export const sameness = (found: Monotony, judge: Judge): string =>
  `The judge of ${found.name === "all" ? "all labels" : found.name} says the same whatever the label: it rebuilt ${
    show(found.answer, 60)
  } for ${found.given} of the ${found.of} labels that it answered, of which ${found.true} are that. What it suspects ` +
  `means nothing: ${next(judge)}.`
