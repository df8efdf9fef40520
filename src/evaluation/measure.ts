/**
 * Figures of given answers: the task's metrics, valid answers and groundedness, per part.
 */
import { Array, Effect, Option, Schema, Stream } from "effect"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Progress from "../dsl/Progress.ts"
import type * as Reward from "../dsl/Reward.ts"
import * as Rise from "../dsl/Rise.ts"
import { Run } from "../dsl/Run.ts"
import type { Sample, SetMetric, Task } from "../dsl/Task.ts"
import { stepSpan } from "../dsl/telemetry/Exporting.ts"
import * as Truth from "../dsl/Truth.ts"
import { rounded } from "./confidence.ts"
import * as Groundedness from "./Groundedness.ts"
import type { EvaluateOptions } from "./Options.ts"
import { predictionsFile, type ResultRow } from "./Results.ts"

/** An answer, read. */
export interface Given<out A> extends Reward.Scored<A> {
  readonly text: string
  /** The annotation with the confidence it was written with, where that is known. */
  readonly ranked?: Option.Option<A>
  /** How sure it was, in tasks of one answer each, where that is known. */
  readonly confidence?: number
  readonly reasoning: Option.Option<string>
  /** Tokens of the text, where they are known. */
  readonly tokens?: number
  /** Why there is no text: what a server said, or what is wrong with the picture. */
  readonly fault?: string | undefined
}

/** Sums over samples, from which every figure of a part follows. */
interface Tally<in A> {
  n: number
  readonly set: SetMetric<A> | undefined
  readonly sums: Map<string, number>
  /** What figures are of, of those that say so. */
  readonly items: Map<string, number>
  grounded: Groundedness.Groundedness
}

const tally = <A>(task: Task<A>): Tally<A> => ({
  n: 0,
  set: task.setMetric?.(),
  sums: new Map(),
  items: new Map(),
  grounded: Groundedness.none
})

/** Said only where it is less than the samples tell. */
const fewer = (items: number | undefined, n: number): Pick<ResultRow, "items"> =>
  items === undefined || items >= n ? {} : { items }

const rowsOf = <A>(
  task: Task<A>,
  part: string,
  { grounded, items, n, set, sums }: Tally<A>,
  row: Pick<ResultRow, "method" | "shots" | "seed">
): ReadonlyArray<ResultRow> => [
  ...Object.entries(set?.figures() ?? {}).map(([metric, value]) => ({
    ...row,
    part,
    metric,
    value: PlugIn.finite(task.name, `setMetric figure "${metric}"`, value),
    n
  })),
  // A share of nothing is no figure: of boxes where none was written, every answer's precision is 1.
  ...[...sums].filter(([metric]) => items.get(metric) !== 0).map(([metric, sum]) => (
    { ...row, part, metric, value: sum / n, n, ...fewer(items.get(metric), n) }
  )),
  ...Groundedness.figures(grounded).map(({ items, metric, n, value }) => (
    { ...row, part, metric, value, n, ...fewer(items, n) }
  ))
]

/** One pass over the samples. */
export interface Pass {
  /** Names its progress. */
  readonly name: string
  /** Answers that an interrupted evaluation has left. */
  readonly before: number
  /** Whether its answers are written to `predictions.jsonl`. */
  readonly kept: boolean
}

/** Scores given answers: what `evaluate` does with the policy's, and a constant prior can do with its own. */
export const measure = <A, E, R, E2, R2>(
  options: EvaluateOptions<A, E, R>,
  answer: (samples: ReadonlyArray<Sample<A>>) => Effect.Effect<ReadonlyArray<Given<A>>, E2, R2>,
  { before, kept: written, name }: Pass = { name: "evaluate", before: 0, kept: true }
) =>
  Effect.gen(function*() {
    const run = yield* Run
    const { prompts } = yield* Rise.Batching
    const { cuesNamed, method, shots = "full", task } = options
    const stage = `${method}/${name}`
    const data = Truth.checked(task)(options.data)
    // Before anything is asked: what the task cannot read back, no answer can be right about.
    const total = yield* Stream.runCount(Stream.tap(data, (sample) => PlugIn.encode(task, sample)))
    if (total === 0) return yield* new Rise.NothingToTrainOn({ stage, what: "test samples" })
    const kept = before > 0 && { done: Math.min(before, total) }
    yield* Progress.report(Progress.Event.Started({ stage, total, unit: "samples", ...kept }))
    const parts = new Map<string, Tally<A>>()
    const encodeRanked = Schema.encodeOption(Schema.toCodecJson(task.annotation))
    /** What the task says of an answer. */
    const scoresOf = ({ given, sample }: { readonly given: Given<A>; readonly sample: Sample<A> }) => ({
      annotation: Option.match(given.annotation, { onNone: () => null, onSome: task.encode }),
      metrics: Object.fromEntries([
        ...(task.metrics ?? []).map((metric) =>
          [metric.name, PlugIn.figure(task, metric, sample.truth, given.annotation)] as const
        ),
        ["valid", given.verdict === "ok" ? 1 : 0] as const,
        ["reward", given.reward] as const
      ]),
      items: (task.metrics ?? []).flatMap((metric) => {
        const count = PlugIn.items(task, metric, sample.truth, given.annotation)
        return count === undefined ? [] : [[metric.name, count] as const]
      })
    })
    let done = 0
    yield* data.pipe(
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        // One answer for every sample: `Asking` holds the policy to it.
        Effect.map(
          answer(samples),
          (answers) => Array.zipWith(samples, answers, (sample, given) => ({ sample, given }))
        ).pipe(stepSpan(stage, done + samples.length))
      ),
      Stream.tap((batch) => {
        done += batch.length
        const tokens = batch.reduce((sum, { given }) => sum + (given.tokens ?? 0), 0)
        return Progress.report(Progress.Event.Step({ stage, step: done, tokens, figures: {} }))
      }),
      Stream.flattenIterable,
      Stream.mapEffect((one) =>
        Effect.map(
          Effect.all([
            PlugIn.encode(task, one.sample),
            PlugIn.run(task, one.sample, () => scoresOf(one))
          ]),
          ([truth, scores]) => ({ ...one, truth, ...scores })
        )
      ),
      Stream.runForEach(({ annotation, given, items, metrics, sample, truth }) => {
        const grounded = cuesNamed === undefined || sample.cues === undefined || options.form === "answer"
          ? Groundedness.none
          : Groundedness.count(cuesNamed(Option.getOrElse(given.reasoning, () => given.text)), sample.cues)
        const counted = PlugIn.run(task, sample, () => {
          for (const part of ["all", ...(sample.part === undefined ? [] : [sample.part])]) {
            const sum = parts.get(part) ?? tally(task)
            parts.set(part, sum)
            sum.n++
            sum.set?.add(sample.truth, given.ranked ?? given.annotation)
            for (const [name, value] of Object.entries(metrics)) sum.sums.set(name, (sum.sums.get(name) ?? 0) + value)
            for (const [name, count] of items) sum.items.set(name, (sum.items.get(name) ?? 0) + count)
            sum.grounded = Groundedness.add(sum.grounded, grounded)
          }
        })
        if (!written) return counted
        return Effect.andThen(
          counted,
          run.append(predictionsFile, {
            method,
            image: sample.image.id,
            part: sample.part ?? null,
            ...(sample.question === undefined ? {} : { question: sample.question }),
            truth,
            text: given.text,
            annotation,
            ...Option.match(Option.flatMap(given.ranked ?? Option.none(), encodeRanked), {
              onNone: () => ({}),
              onSome: (ranked) => ({ ranked })
            }),
            ...(given.confidence === undefined ? {} : { confidence: rounded(given.confidence) }),
            reasoning: Option.getOrNull(given.reasoning),
            verdict: given.verdict,
            ...(given.fault === undefined ? {} : { fault: given.fault }),
            metrics
          })
        )
      })
    )
    yield* Progress.report(Progress.Event.Finished({ stage, note: `${done} samples` }))
    const row = { method, shots, seed: run.seed }
    return yield* PlugIn.run(
      task,
      undefined,
      () => [...parts].flatMap(([part, sum]) => rowsOf(task, part, sum, row))
    )
  })
