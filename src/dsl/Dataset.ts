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
import * as Keyed from "../kernels/math/Keyed.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { DataError } from "./DataError.ts"
import { sift } from "./Sift.ts"
import type { Sample } from "./Task.ts"

export { DataError }

/** A replayable data source. */
export type Dataset<A, E = never, R = never> = Stream.Stream<Sample<A>, E, R>

/** Samples held in memory. */
export const fromIterable = <A>(samples: Iterable<Sample<A>>): Dataset<A> => Stream.fromIterable(samples)

const samples: Rules.Rule = Rules.orNone(Rules.whole(0))

/** What is asked of a data set, if it can be; a program that asks for NaN samples is wrong, not its data. */
const asked = (what: string, rule: Rules.Rule, value: number): number => {
  if (!rule.holds(value)) throw new RangeError(`${what} is ${value}, expected ${rule.expected}`)
  return value
}

/**
 * The first `count` samples.
 *
 * @throws RangeError on a count that is not a whole number from 0
 */
export const limit = (count: number) => {
  const first = asked("limit", samples, count)
  return <A, E, R>(self: Dataset<A, E, R>): Dataset<A, E, R> => Stream.take(self, first)
}

/** A sample's place in the lottery `key`. */
const lot = (seed: number, key: string, image: Image): number => Keyed.stream(seed, `${key}/${image.id}`).next()

/** A candidate of a few-shot draw. */
interface Drawn<A> {
  readonly sample: Sample<A>
  readonly index: number
  readonly lot: number
}

/**
 * `count` samples of each class by keyed draw, in the data set's order; all of a class that has fewer. Holds only the
 * drawn samples in memory. For "n in all", make `classOf` a constant.
 *
 * ```ts
 * data.pipe(Dataset.shots(4, { classOf: Emotion6.task.classOf, seed: 0 }))
 * ```
 *
 * @throws RangeError on a count that is not a whole number from 0
 */
export const shots =
  <A>(count: number, options: { readonly classOf: (truth: A) => string; readonly seed: number }) =>
  <E, R>(self: Dataset<A, E, R>): Dataset<A, E, R> => {
    const most = asked("shots", samples, count)
    asked("seed", Rules.whole(), options.seed)
    const draw = Stream.runFold(
      self,
      () => ({ index: 0, classes: new Map<string, ReadonlyArray<Drawn<A>>>() }),
      ({ classes, index }, sample: Sample<A>) => {
        const name = options.classOf(sample.truth)
        const drawn = { sample, index, lot: lot(options.seed, "shots", sample.image) }
        const best = [...classes.get(name) ?? [], drawn].sort((a, b) => a.lot - b.lot || a.index - b.index).slice(
          0,
          most
        )
        return { index: index + 1, classes: classes.set(name, best) }
      }
    )
    return Stream.unwrap(
      Effect.map(draw, ({ classes }) =>
        Stream.fromIterable(
          [...classes.values()].flat().sort((a, b) => a.index - b.index).map(({ sample }) => sample)
        ))
    )
  }

/** The two sides of a split; together they are the data set. */
export interface Split<out A, out E = never, out R = never> {
  /** What is left to train on. */
  readonly train: Dataset<A, E, R>
  /** What is held out. */
  readonly validation: Dataset<A, E, R>
}

/**
 * Holds out `share` of the samples by keyed draw: exactly that share, rounded, and at least one sample on each side
 * where there are two and the share is neither 0 nor 1. Samples of one image id stay together. Reads the data twice per
 * pass, to know where the line is; remembers 8 bytes per sample.
 */
export const split =
  (options: { readonly share: number; readonly seed: number }) => <A, E, R>(self: Dataset<A, E, R>): Split<A, E, R> => {
    const { seed, share } = options
    asked("share", Rules.share("[0, 1]"), share)
    asked("seed", Rules.whole(), seed)
    const lots = Stream.runFold(self, (): Array<number> => [], (seen, sample) => {
      seen.push(lot(seed, "split", sample.image))
      return seen
    })
    /** The largest lot that is held out. */
    const line = Effect.map(lots, (all) => {
      const sorted = Float64Array.from(all).sort()
      const rounded = Math.round(share * sorted.length)
      const open = share > 0 && share < 1 && sorted.length > 1
      const held = open ? Math.min(sorted.length - 1, Math.max(1, rounded)) : rounded
      return held === 0 ? -1 : sorted[held - 1] ?? -1
    })
    const side = (held: boolean) =>
      Stream.unwrap(
        Effect.map(line, (last) => Stream.filter(self, (sample) => (lot(seed, "split", sample.image) <= last) === held))
      )
    return { train: side(false), validation: side(true) }
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
  asked("concurrency", Rules.orNone(Rules.whole(1)), options.concurrency ?? 4)
  return self.pipe(
    Stream.zipWithIndex,
    Stream.mapEffect(([sample, index]) =>
      check(sample.image).pipe(
        Effect.as([sample]),
        Effect.mapError((error) => ({ reason: "unreadable-image", detail: `${sample.image.id}: ${error.message}` })),
        Effect.result,
        Effect.map((read) => ({ row: index + 1, read }))
      ), { concurrency: options.concurrency ?? 4 }),
    sift({ source, unusable: (rows) => `none of its ${rows} pictures can be read` })
  )
}
