/**
 * A data set is a replayable stream of samples: every run of it yields the same samples in the same order. Images are
 * references, so a data set of any size is small until pixels are asked for.
 *
 * Draws are keyed by seed and image id, never by position: reordering, cutting or extending a data set does not
 * reshuffle it.
 *
 * @module
 */
import { Effect, Stream } from "effect"
import type { Image } from "../kernels/image/Image.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as Cut from "./Cut.ts"
import { DataError } from "./DataError.ts"
import { sift } from "./Sift.ts"
import type { Sample } from "./Task.ts"

export type { Split } from "./Cut.ts"
export { DataError }

/** A replayable data source. */
export type Dataset<A, E = never, R = never> = Stream.Stream<Sample<A>, E, R>

/** Samples held in memory. */
export const fromIterable = <A>(samples: Iterable<Sample<A>>): Dataset<A> => Stream.fromIterable(samples)

const samples: Rules.Rule = Rules.orNone(Rules.whole(0))

/** Fails where what is asked of a data set cannot mean anything. */
const asked = (source: string, setting: string, rule: Rules.Rule, value: number): Effect.Effect<void, DataError> =>
  Effect.suspend(() => {
    const broken = Rules.broken({ [setting]: Rules.required(rule) }, { [setting]: value })
    return broken === undefined ? Effect.void : Effect.fail(new DataError({ source, reason: Rules.say(broken) }))
  })

/** The first `count` samples. Fails on a count that is not a whole number from 0, or Infinity. */
export const limit = (count: number) => <A, E, R>(self: Dataset<A, E, R>): Dataset<A, E | DataError, R> =>
  Stream.unwrap(Effect.as(asked("Dataset.limit", "count", samples, count), Stream.take(self, count)))

/** A candidate of a few-shot draw. */
interface Drawn<A> {
  readonly sample: Sample<A>
  readonly index: number
  readonly lot: number
}

/**
 * `count` samples of each class by keyed draw, in the data set's order; all of a class that has fewer. Holds only the
 * drawn samples in memory. For "n in all", make `classOf` a constant. Fails on a count that is not a whole number from
 * 0, or Infinity.
 *
 * ```ts
 * data.pipe(Dataset.shots(4, { classOf: Emotion6.task.classOf, seed: 0 }))
 * ```
 */
export const shots =
  <A>(count: number, options: { readonly classOf: (truth: A) => string; readonly seed: number }) =>
  <E, R>(self: Dataset<A, E, R>): Dataset<A, E | DataError, R> => {
    const check = Effect.andThen(
      asked("Dataset.shots", "count", samples, count),
      asked("Dataset.shots", "seed", Rules.whole(), options.seed)
    )
    const draw = Stream.runFold(
      self,
      () => ({ index: 0, classes: new Map<string, ReadonlyArray<Drawn<A>>>() }),
      ({ classes, index }, sample: Sample<A>) => {
        const name = options.classOf(sample.truth)
        const drawn = { sample, index, lot: Cut.lot(options.seed, "shots", sample.image) }
        const best = [...classes.get(name) ?? [], drawn].sort((a, b) => a.lot - b.lot || a.index - b.index).slice(
          0,
          count
        )
        return { index: index + 1, classes: classes.set(name, best) }
      }
    )
    return Stream.unwrap(
      Effect.map(Effect.andThen(check, draw), ({ classes }) =>
        Stream.fromIterable(
          [...classes.values()].flat().sort((a, b) => a.index - b.index).map(({ sample }) => sample)
        ))
    )
  }

/**
 * Holds out `share` of the samples by keyed draw: exactly that share, rounded, and at least one sample on each side
 * where there are two and the share is neither 0 nor 1. Samples of one image id stay together. Reads the data twice per
 * pass, to know where the line is; remembers 8 bytes per sample. Fails on a share or a seed that is none.
 */
export const split = (options: Cut.Options) => <A, E, R>(self: Dataset<A, E, R>): Cut.Split<A, E | DataError, R> => {
  const sound = Effect.andThen(
    asked("Dataset.split", "share", Rules.share("[0, 1]"), options.share),
    asked("Dataset.split", "seed", Rules.whole(), options.seed)
  )
  return Cut.cut(options)(Stream.unwrap(Effect.as(sound, self)))
}

/** Fails where the data set turns out to hold nothing. */
export const nonEmpty =
  (source: string, reason = "no samples") => <A, E, R>(self: Dataset<A, E, R>): Dataset<A, E | DataError, R> =>
    Stream.orElseIfEmpty(self, () => Stream.fail(new DataError({ source, reason })))

/**
 * Quarantines samples whose image `check` refuses, for example with a decoder: a truncated file is found before
 * training, not in the middle of it. Fails where no picture is left.
 *
 * ```ts
 * data.pipe(Dataset.verified("faces/train.csv", Decode.load))
 * ```
 */
export const verified = <E2 extends { readonly message: string }, R2>(
  source: string,
  check: (image: Image) => Effect.Effect<unknown, E2, R2>,
  options: { readonly concurrency?: number } = {}
) =>
<A, E, R>(self: Dataset<A, E, R>): Dataset<A, E | DataError, R | R2> => {
  const { concurrency = 4 } = options
  const read = self.pipe(
    Stream.zipWithIndex,
    Stream.mapEffect(([sample, index]) =>
      check(sample.image).pipe(
        Effect.as([sample]),
        Effect.mapError(({ message }) => {
          const { id } = sample.image
          return { reason: "unreadable-image", detail: message.startsWith(id) ? message : `${id}: ${message}` }
        }),
        Effect.result,
        Effect.map((read) => ({ row: index + 1, read }))
      ), { concurrency }),
    sift({ source, unit: "picture", unusable: (rows) => `none of its ${rows} pictures can be read` })
  )
  return Stream.unwrap(
    Effect.as(asked("Dataset.verified", "concurrency", Rules.orNone(Rules.whole(1)), concurrency), read)
  )
}
