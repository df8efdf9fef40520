/**
 * The paper's win rate of every method against RISE: on which share of the samples is its answer the better one?
 */
import { Effect, Stream } from "effect"
import { sampleKeys } from "../dsl/sampleKeys.ts"
import type { Task, TaskMetric } from "../dsl/Task.ts"
import { WinRate } from "../tasks/classification/index.ts"
import { type Prediction, predictions, type ResultRow } from "./Results.ts"

const reference = "RISE"

/** What decides: a metric and which way it is better. */
type Measure = Pick<TaskMetric<never>, "name" | "direction">

/**
 * The metric of each sample, lower is better, by picture and question: one number per test sample, the only thing held
 * of a whole test set.
 */
export const valuesOf = <E, R>({ direction, name }: Measure, answers: Stream.Stream<Prediction, E, R>) =>
  Effect.suspend(() => {
    const keyOf = sampleKeys()
    return Stream.runFold(
      answers,
      () => new Map<string, number>(),
      (values, row) => values.set(keyOf(row), (direction === "lower" ? 1 : -1) * (row.metrics[name] ?? NaN))
    )
  })

/**
 * The win rate of `answers` against the values of the reference, on the samples that both have, per part and over all.
 */
export const against =
  (reference: ReadonlyMap<string, number>, { direction, name }: Measure) =>
  <E, R>(answers: Stream.Stream<Prediction, E, R>): Effect.Effect<ReadonlyMap<string, WinRate.WinRate>, E, R> =>
    Effect.suspend(() => {
      const keyOf = sampleKeys()
      return Effect.map(
        Stream.runFold(
          answers,
          () => new Map<string, Array<readonly [number, number]>>(),
          (pairs, row) => {
            const { metrics, part } = row
            const theirs = reference.get(keyOf(row))
            if (theirs === undefined) return pairs
            for (const at of ["all", ...(part === null ? [] : [part])]) {
              const list = pairs.get(at)
              const pair = [(direction === "lower" ? 1 : -1) * (metrics[name] ?? NaN), theirs] as const
              if (list === undefined) pairs.set(at, [pair])
              else list.push(pair)
            }
            return pairs
          }
        ),
        (parts) =>
          new Map(
            [...parts].map(([part, pairs]) => [
              part,
              WinRate.winRate(pairs.map(([own]) => own), pairs.map(([, theirs]) => theirs))
            ])
          )
      )
    })

/** Win-rate rows of each method, per part, from `predictions.jsonl`; ties count half and are a row of their own. */
export const winRates = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  methods: ReadonlyArray<string>,
  row: Pick<ResultRow, "shots" | "seed">
) {
  const metric = task.metrics?.[0]
  if (metric === undefined) return []
  const ofRise = yield* valuesOf(metric, predictions(reference))
  const rows: Array<ResultRow> = []
  for (const method of methods.filter((name) => name !== reference)) {
    for (const [part, { rate, samples, ties }] of yield* predictions(method).pipe(against(ofRise, metric))) {
      rows.push({ method, part, metric: "win rate", value: rate, n: samples, ...row })
      rows.push({ method, part, metric: "win rate ties", value: ties / samples, n: samples, ...row })
    }
  }
  return rows
})
