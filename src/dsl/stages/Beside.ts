/**
 * Samples with the rows that a stage wrote of them, in the order of the data.
 */
import { Effect, Option, Stream } from "effect"
import { RunFileError } from "../RunError.ts"
import type { Sample } from "../Task.ts"

const ended = <A, E, R>(stream: Stream.Stream<A, E, R>): Stream.Stream<Option.Option<A>, E, R> =>
  Stream.concat(Stream.map(stream, Option.some), Stream.succeed(Option.none()))

/**
 * Each sample with its row. A row of another picture, a row too many or too few is an error: the data changed since
 * they were written, or the file is damaged.
 *
 * @param file names the rows in the error
 */
export const beside = <A, E, R, Row extends { readonly image: string }, E2, R2>(
  data: Stream.Stream<Sample<A>, E, R>,
  rows: Stream.Stream<Row, E2, R2>,
  file: string
): Stream.Stream<readonly [Sample<A>, Row], E | E2 | RunFileError, R | R2> =>
  Stream.zip(ended(data), ended(rows)).pipe(
    Stream.mapEffect(([sample, row]) => {
      if (Option.isNone(sample) && Option.isNone(row)) return Effect.succeed([])
      const [written, given] = [Option.map(row, ({ image }) => image), Option.map(sample, ({ image }) => image.id)]
      if (Option.isSome(sample) && Option.isSome(row) && row.value.image === sample.value.image.id) {
        return Effect.succeed([[sample.value, row.value] as const])
      }
      const named = Option.getOrElse(() => "no more")
      return Effect.fail(
        new RunFileError({
          path: file,
          reason: `has ${named(written)} where the data set has ${named(given)}: the data set changed`
        })
      )
    }),
    Stream.flattenIterable
  )
