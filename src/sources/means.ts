/**
 * The mean annotation of a data set: what knows the data set and no picture.
 */
import { Effect, Stream } from "effect"
import type { Distribution } from "../tasks/classification/index.ts"
import { type Annotation, Box } from "../tasks/detection/index.ts"

/** The mean distribution. */
export const meanDistribution = <E, R>(truths: Stream.Stream<Distribution, E, R>): Effect.Effect<Distribution, E, R> =>
  Effect.map(
    Stream.runFold(
      truths,
      (): { readonly n: number; readonly sums: Distribution } => ({ n: 0, sums: [] }),
      ({ n, sums }, truth) => ({
        n: n + 1,
        sums: truth.map((p, i) => p + (sums[i] ?? 0))
      })
    ),
    ({ n, sums }) => sums.map((sum) => sum / n)
  )

interface Sum {
  readonly n: number
  readonly sum: readonly [number, number, number, number]
}

const nothing: Sum = { n: 0, sum: [0, 0, 0, 0] }

const add = ({ n, sum: [x, y, w, h] }: Sum, box: Box.Box<"thousandths">): Sum => ({
  n: n + 1,
  sum: [x + box[0], y + box[1], w + box[2], h + box[3]]
})

const meanOf = ({ n, sum: [x, y, w, h] }: Sum) => Box.make("thousandths", [x / n, y / n, w / n, h / n])

/** The mean box: where answers stand, whatever is asked. */
export const meanBox = <E, R>(
  truths: Stream.Stream<Annotation<"thousandths">, E, R>
): Effect.Effect<Annotation<"thousandths">, E, R> =>
  Effect.map(
    Stream.runFold(
      Stream.flattenIterable(truths),
      () => nothing,
      (sum, { box }) => add(sum, box)
    ),
    (sum) => sum.n === 0 ? [] : [{ box: meanOf(sum) }]
  )

interface Seen {
  /** Pictures that have one. */
  pictures: number
  boxes: Sum
}

/** Of each label that at least half of the pictures have, or else of the commonest, its mean box; crowds left out. */
export const meanBoxes = <E, R>(
  truths: Stream.Stream<Annotation<"thousandths">, E, R>
): Effect.Effect<Annotation<"thousandths">, E, R> =>
  Effect.map(
    Stream.runFold(truths, () => ({ pictures: 0, labels: new Map<string, Seen>() }), (all, truth) => {
      all.pictures++
      const here = new Set<string>()
      for (const { box, crowd, label } of truth) {
        if (crowd === true || label === undefined) continue
        const seen = all.labels.get(label) ?? { pictures: 0, boxes: nothing }
        if (!here.has(label)) seen.pictures++
        here.add(label)
        seen.boxes = add(seen.boxes, box)
        all.labels.set(label, seen)
      }
      return all
    }),
    ({ labels, pictures }) => {
      const common = [...labels].filter(([, seen]) => seen.pictures >= pictures / 2)
      // One of several that are as common: three boxes for pictures of one would be paid for by IoU.
      const commonest = [...labels].toSorted(([, a], [, b]) => b.pictures - a.pictures).slice(0, 1)
      return (common.length > 0 ? common : commonest).map(([label, { boxes }]) => ({ box: meanOf(boxes), label }))
    }
  )
