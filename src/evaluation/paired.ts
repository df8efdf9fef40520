/**
 * How far the difference of two methods may be luck: they answered the same samples, so it is counted sample by sample.
 */
import { Effect, Stream } from "effect"
import * as Spread from "../kernels/math/Spread.ts"
import * as Results from "./Results.ts"
import { comparedWith } from "./verdict.ts"

/** Of the mean of values; none of fewer than two, which do not scatter. */
const standardError = (values: ReadonlyArray<number>): number | undefined =>
  values.length < 2 ? undefined : Spread.deviation(values) / Math.sqrt(values.length)

/**
 * Standard errors of the differences between a method and others by a metric of single samples, by the others' names. A
 * method that has not answered as many samples has none.
 */
export const standardErrors = <E, R>(
  predictions: Stream.Stream<Pick<Results.Prediction, "method" | "metrics">, E, R>,
  { method, metric, others }: {
    readonly method: string
    readonly metric: string
    readonly others: ReadonlyArray<string>
  }
): Effect.Effect<ReadonlyMap<string, number>, E, R> =>
  Effect.map(
    Stream.runFold(
      predictions,
      () => new Map([method, ...others].map((name) => [name, new Array<number>()])),
      (answered, { method, metrics }) => {
        const value = metrics[metric]
        if (value !== undefined) answered.get(method)?.push(value)
        return answered
      }
    ),
    (answered) => {
      const own = answered.get(method) ?? []
      return new Map(others.flatMap((name) => {
        const values = answered.get(name) ?? []
        const error = values.length === own.length
          ? standardError(own.map((value, i) => value - (values[i] ?? 0)))
          : undefined
        return error === undefined ? [] : [[name, error]]
      }))
    }
  )

/** How far the differences that a verdict on a method of this run speaks of may be luck; nothing without a metric. */
export const standardErrorsOf = (method: string, metric: string | undefined) =>
  metric === undefined
    ? Effect.succeed<ReadonlyMap<string, number>>(new Map())
    : standardErrors(Results.answers, { method, metric, others: comparedWith })
