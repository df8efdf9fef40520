/**
 * Endless keyed-shuffled batches of a replayable stream.
 *
 * Epoch after epoch the stream is shuffled within windows, so any number of samples costs the memory of two windows at
 * most. A data set that fits a window is shuffled as a whole and read only once: the few shots of a large data set are
 * found by reading all of it.
 */
import { Effect, Stream } from "effect"
import * as Keyed from "../../kernels/math/Keyed.ts"
import { NothingToTrainOn } from "./StageError.ts"

export interface BatchOptions {
  readonly seed: number
  /** What the order is for, such as "sft". */
  readonly key: string
  /** The stage in the error for an empty stream, such as "RISE/sft". */
  readonly stage: string
  readonly size: number
  /** Elements shuffled together. Default 16,384. */
  readonly window?: number
  /** Names the elements in the error for an empty stream. */
  readonly what: string
}

/** Batches of exactly `size`; one may hold the end of an epoch and the start of the next. Fails on an empty stream. */
export const endless = <T, E, R>(
  items: Stream.Stream<T, E, R>,
  { key, seed, size, stage, what, window = 16_384 }: BatchOptions
): Stream.Stream<ReadonlyArray<T>, E | NothingToTrainOn, R> =>
  Stream.suspend(() => {
    // The only window of an epoch: the next epochs', too.
    let whole: ReadonlyArray<T> | undefined
    const windows = Stream.suspend(() => {
      if (whole !== undefined) return Stream.succeed(whole)
      let only: ReadonlyArray<T> | undefined
      return Stream.grouped(items, window).pipe(
        Stream.zipWithIndex,
        Stream.map(([chunk, w]) => {
          only = w === 0 ? chunk : undefined
          return chunk
        }),
        Stream.onEnd(Effect.sync(() => void (whole = only)))
      )
    })
    const epoch = (n: number) =>
      windows.pipe(
        Stream.zipWithIndex,
        Stream.flatMap(([chunk, w]) =>
          Stream.fromIterable(Keyed.stream(seed, `${key}/shuffle/epoch=${n}/window=${w}`).shuffle(chunk))
        )
      )
    const first = Stream.orElseIfEmpty(epoch(0), () => Stream.fail(new NothingToTrainOn({ stage, what })))
    return Stream.concat(
      first,
      Stream.flatMap(Stream.iterate(1, (n) => n + 1), epoch)
    ).pipe(Stream.grouped(size))
  })
