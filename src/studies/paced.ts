/**
 * What of a budget's plan has run: stages begin with fewer steps where the machine has become slower.
 */
import { Effect, Path, Schema, Stream } from "effect"
import { lines } from "./artefacts.ts"

/** A row of metrics.jsonl where a stage has begun with fewer steps than were planned. */
const Shortened = Schema.Struct({
  method: Schema.optionalKey(Schema.String),
  stage: Schema.String,
  of: Schema.Int,
  planned: Schema.Int
})
const isShortened = Schema.is(Shortened)

const MetricRow = Schema.Record(Schema.String, Schema.Json)

/**
 * Of a run's folder: the stages that ran fewer steps than its budget had planned, in a sentence; empty where all ran as
 * planned.
 */
export const paced = Effect.fnUntraced(function*(directory: string) {
  const path = yield* Path.Path
  const found = yield* Stream.runFold(
    Stream.filter(lines(path.join(directory, "metrics.jsonl"), MetricRow), isShortened),
    () => new Map<string, string>(),
    // A stage that was begun again says it again.
    (stages, { method, of, planned, stage }) => {
      const name = method === undefined ? stage : `${method}/${stage}`
      return stages.set(name, `${of} of the ${planned} steps of ${name}`)
    }
  )
  return found.size === 0
    ? ""
    : `The machine became slower than it was when it was measured, so less was done than planned: ${
      [...found.values()].join(", ")
    }.`
})
