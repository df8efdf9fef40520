/**
 * From validated groups to lessons: `best` writes D_RISE, `recall` reads one that is there already, `filter` keeps
 * D_RISE^high, `answers` does without reasoning.
 */
import { Effect, Option, Schema, Stream } from "effect"
import type { Policy } from "../../policy/Policy.ts"
import * as Group from "../Group.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Progress from "../Progress.ts"
import { chainsFile, cotFile, named, Run } from "../Run.ts"
import { type RunError, RunFileError } from "../RunError.ts"
import { beside } from "./Beside.ts"
import type * as Order from "./Order.ts"
import * as Passing from "./Passing.ts"
import { advance, type Fault, type Pipeline, type Stage } from "./Pipeline.ts"
import * as Settings from "./Settings.ts"
import { type Misplaced, NothingKept, type StageError } from "./StageError.ts"
import * as Weighing from "./Weighing.ts"

/** A line of `cot.jsonl`. */
export const CotRow = Schema.Struct({
  image: Schema.String,
  /** Where the image is, if it is a file. */
  path: Schema.optional(Schema.String),
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optional(Schema.String),
  reasoning: Schema.String,
  annotation: Schema.Json,
  reward: Schema.Finite
})
export type CotRow = typeof CotRow.Type

/** A line of `chains.jsonl`: a sample with all chains that were drawn for it, in the order of drawing. */
export const ChainsRow = Schema.Struct({
  image: Schema.String,
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optionalKey(Schema.String),
  /** The ground truth, as the task writes it. */
  truth: Schema.String,
  chains: Schema.Array(Schema.Struct({
    reasoning: Schema.String,
    /** What was rebuilt from picture and reasoning alone, as the policy wrote it. */
    reconstruction: Schema.String,
    reward: Schema.Finite,
    /** Why the reward is what it is: a `Reward.Verdict`. */
    verdict: Schema.String
  }))
})
export type ChainsRow = typeof ChainsRow.Type

const rewardBins = 1000

/** A filter that keeps a smaller share is worth a word: the paper's keeps 0.41 and 0.66. */
const few = 0.1

/** The highest of `rewardBins` thresholds that keeps at least `share` of the rewards. */
const thresholdKeeping = (bins: ReadonlyArray<number>, share: number): number => {
  const needed = bins.reduce((sum, count) => sum + count, 0) * share
  let kept = 0
  for (let bin = bins.length - 1; bin > 0; bin--) {
    kept += bins[bin] ?? 0
    if (kept >= needed) return bin / rewardBins
  }
  return 0
}

const tenths = (bins: ReadonlyArray<number>): ReadonlyArray<number> =>
  Array.from(
    { length: 10 },
    (_, i) => bins.slice(i * rewardBins / 10, (i + 1) * rewardBins / 10 + (i === 9 ? 1 : 0)).reduce((a, b) => a + b, 0)
  )

/** Lines of a file of D_RISE, decoded. */
export const cotRows = <E, R>(
  file: string,
  rows: Stream.Stream<Schema.Json, E, R>
): Stream.Stream<CotRow, E | RunFileError, R> =>
  Stream.mapEffect(rows, (row) =>
    Effect.mapError(
      Schema.decodeUnknownEffect(CotRow)(row),
      (cause) => new RunFileError({ path: file, reason: "holds a line that is not a row of D_RISE", cause })
    ))

/** Rows of the D_RISE of a method, or of the one under way, beside the samples they were written for. */
const explained = <A, E, R>(self: Pipeline<Stage, A, E, R>, of?: string) =>
  Stream.unwrap(Effect.map(Run, ({ method, rows }) => {
    const file = cotFile(of ?? method)
    return Stream.map(beside(self.data, cotRows(file, rows(file)), file), ([sample, { reasoning, reward }]) => (
      { sample, reasoning, reward }
    ))
  }))

/** Sums over the samples of a pass. */
const Totals = Schema.Struct({
  samples: Schema.Int,
  candidates: Schema.Int,
  best: Schema.Finite,
  total: Schema.Finite
})

const Pass = Schema.Struct({
  samples: Schema.Int,
  candidates: Schema.Int,
  bestReward: Schema.Finite,
  meanReward: Schema.Finite
})

/**
 * D_RISE = {(I, R*, A, r)}: the best chain of each sample and its reward, written to `cot.jsonl` as it is found, so
 * memory does not grow with the data. All chains that it was chosen from are in `chains.jsonl`.
 */
export const best = () =>
<A, E, R>(
  self: Pipeline<Order.Before<"best">, A, E, R>
): Pipeline<"Explained", A, E | Fault, R | Policy | Run> => {
  const write = Effect.gen(function*() {
    const encode = Schema.encodeEffect(Schema.toCodecJson(self.task.annotation))
    const run = yield* Run
    const file = cotFile(run.method)
    const all = chainsFile(run.method)
    const totals = yield* Passing.fold({
      stage: "explain",
      items: self.items,
      codec: Totals,
      initial: { samples: 0, candidates: 0, best: 0, total: 0 },
      each: (sum, { candidates, sample }) =>
        Effect.gen(function*() {
          const kept = Group.best(candidates)
          const annotation = yield* encode(sample.truth).pipe(
            Effect.mapError((cause) =>
              new RunFileError({
                path: file,
                reason: `the annotation of ${sample.image.id} does not fit its schema`,
                cause
              })
            )
          )
          const { id, source } = sample.image
          const question = sample.question === undefined ? {} : { question: sample.question }
          const reward = kept?.reward ?? 0
          const reasoning = kept?.reasoning.completion.text ?? ""
          yield* run.append(file, {
            image: id,
            ...(source._tag === "File" ? { path: source.path } : {}),
            ...question,
            reasoning,
            annotation,
            reward
          })
          const chains: ChainsRow = {
            image: id,
            ...question,
            truth: yield* PlugIn.encode(self.task, sample),
            chains: candidates.map(({ reasoning, reconstruction, reward, verdict }) => ({
              reasoning: reasoning.completion.text,
              reconstruction: reconstruction.completion.text,
              reward,
              verdict
            }))
          }
          yield* run.append(all, chains)
          return {
            samples: sum.samples + 1,
            candidates: sum.candidates + candidates.length,
            best: sum.best + reward,
            total: sum.total + candidates.reduce((sum, candidate) => sum + candidate.reward, 0)
          }
        })
    })
    const value = {
      samples: totals.samples,
      candidates: totals.candidates,
      bestReward: totals.best / Math.max(1, totals.samples),
      meanReward: totals.total / Math.max(1, totals.candidates)
    }
    yield* run.metric({ stage: "explain", step: value.samples, of: value.samples, ...value })
    return value
  })
  return advance(self, {
    stage: "Explained",
    described: ["best", {}],
    plan: self.reading === undefined ? [] : [self.reading],
    ready: Effect.andThen(self.ready, Effect.flatMap(Run, (run) => Effect.asVoid(run.once("explain", Pass, write)))),
    items: explained(self)
  })
}

/**
 * D_RISE that a method of this run (or of one it begins from) has written, for the weights at hand. With it the chains
 * of one policy teach another: the paper's Table 3 compares sources of chains on students that start alike.
 *
 * ```ts
 * start.pipe(Rise.recall("RISE"), Rise.filter({ tau: 0.75 }), Rise.sft())
 * ```
 */
export const recall =
  (method: string) =>
  <A, E, R>(self: Pipeline<Order.Before<"recall">, A, E, R>): Pipeline<"Explained", A, E | Fault, R | Run> =>
    advance(self, {
      stage: "Explained",
      described: ["recall", { method }],
      ready: self.ready,
      items: explained(self, method)
    })

/** Options of `filter`: which chains of D_RISE are kept. */
export interface FilterOptions {
  /** τ in [0, 1]. Default 0.75, the paper's. */
  readonly tau?: number
  /**
   * Share of D_RISE that is kept at the least, in [0, 1]: where fewer reach τ, it sinks to what keeps so many. Chains
   * that earned nothing are never kept for its sake. Default 0: a τ that keeps nothing stops the run.
   */
  readonly least?: number
  /**
   * α of r^α: every chain is a lesson and weighs what it earned to this power, nothing is dropped. Ours, not the
   * paper's: a mediocre chain of a difficult picture may teach more than none. Above 0, at most 100; in the place of
   * `tau` and `least`. A chain that earned nothing weighs nothing, and is counted. Default: none, τ decides.
   */
  readonly soft?: number
  /**
   * The method whose rewards decide what is kept, or weigh. Default: the chains' own. With another method's, two
   * sources of chains teach the same samples.
   */
  readonly by?: string
}

const Kept = Schema.Struct({ tau: Schema.Finite, kept: Schema.Int, of: Schema.Int })

/** The τ that a method's filter has used, which may have sunk; none where it has not filtered. */
export const usedTau = (method: string): Effect.Effect<Option.Option<number>, RunError, Run> =>
  Effect.flatMap(Run, (run) =>
    run.finished(named(method)("filter"))
      ? Effect.map(run.within(method).once("filter", Kept, Effect.never), ({ tau }) => Option.some(tau))
      : Effect.succeed(Option.none()))

/**
 * D_RISE^high = {(I, R*, A) | r ≥ τ}. A τ that keeps nothing stops the run and says which would keep 40%, unless it may
 * sink. With `soft` all of D_RISE, weighted by r^α.
 */
export const filter = (options: FilterOptions = {}) =>
<A, E, R>(
  self: Pipeline<Order.Before<"filter">, A, E, R>
): Pipeline<"Curated", A, E | Fault | StageError, R | Run> => {
  const { by, least, soft, tau: wanted } = Settings.filledStage(options)
  const judged: Stream.Stream<readonly [Group.Explained<A>, number], E | Fault, R | Run> = by === undefined
    ? Stream.map(self.items, (row) => [row, row.reward] as const)
    : Stream.zipWith(self.items, explained(self, by), (row, { reward }) => [row, reward] as const)
  const check = Effect.gen(function*() {
    const run = yield* Run
    const keptAt = (tau: number) =>
      Effect.map(Stream.runCount(Stream.filter(judged, ([, reward]) => reward >= tau)), (kept) => ({ tau, kept }))
    const { bins, reached } = yield* Stream.runFold(
      judged,
      () => ({ reached: 0, bins: Array.from({ length: rewardBins + 1 }, () => 0) }),
      (sum, [, reward]) => {
        const bin = Math.floor(reward * rewardBins)
        sum.bins[bin] = (sum.bins[bin] ?? 0) + 1
        return { bins: sum.bins, reached: sum.reached + (reward >= wanted ? 1 : 0) }
      }
    )
    const of = bins.reduce((sum, count) => sum + count, 0)
    // The lowest bin holds what earned nothing.
    const sunk = Math.max(1 / rewardBins, thresholdKeeping(bins, least))
    const { kept, tau } = reached >= of * least || sunk >= wanted ? { kept: reached, tau: wanted } : yield* keptAt(sunk)
    if (kept === 0) {
      return yield* new NothingKept({
        stage: run.named("filter"),
        tau: wanted,
        histogram: tenths(bins),
        wouldKeep40: thresholdKeeping(bins, 0.4)
      })
    }
    yield* run.metric({ stage: "filter", step: of, of, tau, kept, share: kept / of })
    if (kept < few * of) {
      const text =
        `tau ${tau} keeps ${kept} of ${of} chains (${
          (100 * kept / of).toFixed(1)
        }%): supervised training will learn from few, ` +
        `and the easiest of them. Train RISE-CoT longer or warm up first (Rise.warmUp); tau ${
          thresholdKeeping(bins, 0.4).toFixed(3)
        } would keep 40%`
      yield* run.metric({ stage: "filter", step: of, of, warning: text })
      yield* Progress.report(Progress.Event.Warned({ stage: run.named("filter"), text }))
    }
    return { tau, kept, of }
  })
  const weigh = (soft: number) =>
    Effect.gen(function*() {
      const counted = yield* Weighing.count(Stream.map(judged, ([, reward]) => reward), soft)
      if (counted.kept > 0) return counted
      const stage = (yield* Run).named("filter")
      return yield* new NothingKept({ stage, tau: 0, soft, histogram: tenths([counted.of]), wouldKeep40: 0 })
    })
  const filtered = Effect.flatMap(
    Run,
    (run) => run.once("filter", Kept, soft === undefined ? check : weigh(soft))
  )
  return advance(self, {
    stage: "Curated",
    described: ["filter", options],
    sound: Effect.andThen(Settings.check("filter", Settings.filtering, options, ["by"]), Weighing.alone(options)),
    ready: Effect.andThen(self.ready, Effect.asVoid(filtered)),
    items: Stream.unwrap(
      Effect.map(filtered, ({ tau }) =>
        judged.pipe(
          Stream.filter(([, reward]) => reward >= tau),
          Stream.map(([row, reward]) => soft === undefined ? row : { ...row, weight: Weighing.weight(reward, soft) })
        ))
    )
  })
}

/** The annotation as target without reasoning: with `sft` it is the paper's SFT baseline. */
export const answers =
  () => <A, E, R>(self: Pipeline<Order.Before<"answers">, A, E, R>): Pipeline<"Answered", A, E | Misplaced, R> =>
    advance(self, {
      stage: "Answered",
      described: ["answers", {}],
      form: "answer",
      ready: self.ready,
      items: Stream.map(self.data, (sample) => ({ sample }))
    })
