/**
 * How many pictures of a half have each label.
 */
import { type Effect, Stream } from "effect"
import type { Sample } from "../dsl/Task.ts"

/** Pictures, and how many of them have each label. */
export interface Counts {
  readonly pictures: number
  /** Pictures without a label: nothing is boxed in them. */
  readonly empty: number
  readonly labels: ReadonlyMap<string, number>
}

/** Counts the samples of a half. `labelsOf` has the labels of one: a label twice counts twice. */
export const counts = <A, E, R>(
  half: Stream.Stream<Sample<A>, E, R>,
  labelsOf: (truth: A) => ReadonlyArray<string>
): Effect.Effect<Counts, E, R> =>
  Stream.runFold(half, () => ({ pictures: 0, empty: 0, labels: new Map<string, number>() }), (counts, { truth }) => {
    counts.pictures++
    const labels = labelsOf(truth)
    if (labels.length === 0) counts.empty++
    for (const label of labels) counts.labels.set(label, (counts.labels.get(label) ?? 0) + 1)
    return counts
  })
