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

/** The mean box: where answers stand, whatever is asked. */
export const meanBox = <E, R>(
  truths: Stream.Stream<Annotation<"thousandths">, E, R>
): Effect.Effect<Annotation<"thousandths">, E, R> =>
  Effect.map(
    Stream.runFold(
      Stream.flattenIterable(truths),
      (): Sum => ({ n: 0, sum: [0, 0, 0, 0] }),
      ({ n, sum: [x, y, w, h] }, { box }): Sum => ({ n: n + 1, sum: [x + box[0], y + box[1], w + box[2], h + box[3]] })
    ),
    ({ n, sum: [x, y, w, h] }) => n === 0 ? [] : [{ box: Box.make("thousandths", [x / n, y / n, w / n, h / n]) }]
  )
