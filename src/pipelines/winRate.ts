/**
 * The paper's win rate of every method against RISE: on which share of the samples is its answer the better one?
 */
import { Effect, Stream } from "effect"
import type { Task } from "../dsl/Task.ts"
import { WinRate } from "../tasks/classification/index.ts"
import { predictions, type ResultRow } from "./results.ts"

const reference = "RISE"

/** Win-rate rows of each method, per part, from `predictions.jsonl`; ties count half and are a row of their own. */
export const winRates = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  methods: ReadonlyArray<string>,
  row: Pick<ResultRow, "shots" | "seed">
) {
  const metric = task.metrics?.[0]
  if (metric === undefined) return []
  const sign = metric.direction === "lower" ? 1 : -1
  // One number per test sample, the only thing held of a whole test set.
  const ofRise = yield* Stream.runFold(predictions(reference), () => new Map<string, number>(), (values, { image, metrics }) =>
    values.set(image, sign * (metrics[metric.name] ?? NaN)))
  const rows: Array<ResultRow> = []
  for (const method of methods.filter((name) => name !== reference)) {
    const parts = yield* Stream.runFold(
      predictions(method),
      () => new Map<string, Array<readonly [number, number]>>(),
      (pairs, { image, metrics, part }) => {
        const rise = ofRise.get(image)
        if (rise === undefined) return pairs
        for (const name of ["all", ...(part === null ? [] : [part])]) {
          const list = pairs.get(name)
          const pair = [sign * (metrics[metric.name] ?? NaN), rise] as const
          if (list === undefined) pairs.set(name, [pair])
          else list.push(pair)
        }
        return pairs
      }
    )
    for (const [part, pairs] of parts) {
      const { rate, samples, ties } = WinRate.winRate(pairs.map(([own]) => own), pairs.map(([, rise]) => rise))
      rows.push({ method, part, metric: "win rate", value: rate, n: samples, ...row })
      rows.push({ method, part, metric: "win rate ties", value: ties / samples, n: samples, ...row })
    }
  }
  return rows
})
