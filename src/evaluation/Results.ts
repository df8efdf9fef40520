/**
 * What an evaluation leaves behind: `predictions.jsonl` and the rows of `results.json`.
 *
 * @module
 */
import { Effect, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../dsl/Atomic.ts"
import { Run } from "../dsl/Run.ts"
import { RunFileError } from "../dsl/RunError.ts"
import { didYouMean } from "../kernels/text/near.ts"
import { show } from "../kernels/text/show.ts"

/** Methods that a message names. */
const mostMethods = 20

/** Name of the file of answers. */
export const predictionsFile = "predictions.jsonl"

/** One figure: a line of the paper's tables. Holds nothing that differs between two runs of one seed. */
export const ResultRow = Schema.Struct({
  /** The row of the table: "RISE". */
  method: Schema.String,
  /** "all", or a part of the test set that is reported apart, such as "seen". */
  part: Schema.String,
  /** "full", or the shots per class. */
  shots: Schema.String,
  /** Name of the metric, such as "JSD". */
  metric: Schema.String,
  value: Schema.Finite,
  /** Samples behind the figure. */
  n: Schema.Int,
  /** What the figure is of, where that is less than one for each sample: boxes written, things named. */
  items: Schema.optionalKey(Schema.Int),
  /** Seed of the run. */
  seed: Schema.Int
})
export type ResultRow = typeof ResultRow.Type

/** One answer: a line of `predictions.jsonl`. */
export const Prediction = Schema.Struct({
  /** Who answered: "RISE". */
  method: Schema.String,
  /** Image id. */
  image: Schema.String,
  /** Part of the test set, or null. */
  part: Schema.NullOr(Schema.String),
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optional(Schema.String),
  /** The ground truth, as the task writes it. */
  truth: Schema.String,
  /** What the policy wrote. */
  text: Schema.String,
  /** What was read from it; null where it is no annotation. */
  annotation: Schema.NullOr(Schema.String),
  /** The annotation with the confidence it was written with, in tasks that rank answers, where that is known. */
  ranked: Schema.optional(Schema.Json),
  /**
   * In tasks of one answer each, where it is known, how sure the policy was of it, in [0, 1]: the probability of its
   * tokens given the reasoning, as a geometric mean per token; of several draws the share of them that agree with it.
   */
  confidence: Schema.optional(Schema.Finite),
  /** The text inside `<think>`; null where there is none. */
  reasoning: Schema.NullOr(Schema.String),
  /** Why the reward is what it is: a `Reward.Verdict`. */
  verdict: Schema.String,
  /** Why a remote policy wrote nothing. */
  fault: Schema.optional(Schema.String),
  /** Of this one sample, by name. */
  metrics: Schema.Record(Schema.String, Schema.Finite)
})
export type Prediction = typeof Prediction.Type

/** All answers of the run so far. */
export const answers = Stream.unwrap(Effect.map(
  Run,
  ({ rows }) =>
    Stream.mapEffect(rows(predictionsFile), (row) => Schema.decodeUnknownEffect(Prediction)(row)).pipe(
      Stream.mapError((cause) =>
        cause instanceof RunFileError
          ? cause
          : new RunFileError({ path: predictionsFile, reason: "holds a line that is no prediction", cause })
      )
    )
))

/** `: there are SFT, RISE: did you mean RISE?` of a method that has no answers in the run. */
export const otherMethods = (method: string): Effect.Effect<string, RunFileError, Run> =>
  Effect.map(
    Stream.runFold(
      answers,
      () => new Set<string>(),
      (names, row) => names.size < mostMethods ? names.add(row.method) : names
    ),
    (names) =>
      names.size === 0
        ? ": the run has answered nothing"
        : `: there are ${[...names].map((name) => show(name)).join(", ")}${didYouMean(method, names)}`
  )

/** The predictions of one method so far, in the order of the test set. */
export const predictions = (method: string): Stream.Stream<Prediction, RunFileError, Run> =>
  Stream.filter(answers, (row) => row.method === method)

/** The figure of a method, if it was measured. */
export const figure = (
  rows: ReadonlyArray<ResultRow>,
  method: string,
  part: string,
  metric: string
): Option.Option<number> =>
  Option.map(
    Option.fromNullishOr(rows.find((row) => row.method === method && row.part === part && row.metric === metric)),
    ({ value }) => value
  )

/** What a figure is of: samples, or fewer things in them. */
export const itemsOf = ({ items, n }: Pick<ResultRow, "items" | "n">): number => items ?? n

/** Writes `results.json` into the run's folder, if it has one. */
export const write = (rows: ReadonlyArray<ResultRow>) =>
  Effect.gen(function*() {
    const { directory } = yield* Run
    const path = yield* Path.Path
    if (Option.isSome(directory)) yield* Atomic.writeJson(path.join(directory.value, "results.json"), rows)
  })
