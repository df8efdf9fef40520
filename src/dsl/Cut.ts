/**
 * A data set cut in two by a keyed draw, and the lottery of such draws.
 */
import { Effect, Stream } from "effect"
import type { Image } from "../kernels/image/Image.ts"
import * as Keyed from "../kernels/math/Keyed.ts"
import type { Sample } from "./Task.ts"

type Dataset<A, E, R> = Stream.Stream<Sample<A>, E, R>

/** A sample's place in the lottery `key`. */
export const lot = (seed: number, key: string, image: Image): number => Keyed.stream(seed, `${key}/${image.id}`).next()

/** How a data set is cut. */
export interface Options {
  /** Share that is held out, in [0, 1]. */
  readonly share: number
  /** Keys the draw. */
  readonly seed: number
}

/** The two sides of a split; together they are the data set. */
export interface Split<out A, out E = never, out R = never> {
  /** What is left to train on. */
  readonly train: Dataset<A, E, R>
  /** What is held out. */
  readonly validation: Dataset<A, E, R>
}

/** What `Dataset.split` does, of options that are known to be sound. */
export const cut = ({ seed, share }: Options) => <A, E, R>(self: Dataset<A, E, R>): Split<A, E, R> => {
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
