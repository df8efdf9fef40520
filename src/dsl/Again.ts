/**
 * Data that can be read again: every stage reads them anew. A generator, or a reader that is at its end, gives nothing
 * the second time, and what follows would blame the data.
 */
import { Effect, Stream } from "effect"
import { DataError } from "./DataError.ts"

/** How many samples a pass over a stream gave so far, in this process. */
const given = new WeakMap<object, number>()

const many = (count: number): string => count === 1 ? "1 sample" : `${count} samples`

/** The samples; an error where a pass has none and an earlier one had some. */
export const readable =
  (source: string) => <A, E, R>(samples: Stream.Stream<A, E, R>): Stream.Stream<A, E | DataError, R> =>
    Stream.suspend(() => {
      let count = 0
      return samples.pipe(
        Stream.map((sample) => {
          count++
          if (count > (given.get(samples) ?? 0)) given.set(samples, count)
          return sample
        }),
        Stream.onEnd(Effect.suspend(() => {
          const before = given.get(samples) ?? 0
          return count > 0 || before === 0 ? Effect.void : Effect.fail(
            new DataError({
              source,
              reason:
                `gave ${many(before)} when they were read before and none now, and must be readable again: every ` +
                "stage reads them anew. A generator can be read once: hand over an array, " +
                "Stream.fromIterable([...samples]), or begin it anew at each pass, " +
                "Stream.suspend(() => Stream.fromIterable(generator()))"
            })
          )
        }))
      )
    })
