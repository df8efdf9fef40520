/**
 * From validated groups to lessons: `best` writes D_RISE, `recall` reads one that is there already, `answers` does
 * without reasoning. `filter` keeps what is worth learning from (`Filter`).
 */
import { Effect, Schema, Stream } from "effect"
import type { Policy } from "../../policy/Policy.ts"
import * as Group from "../Group.ts"
import * as PlugIn from "../PlugIn.ts"
import { chainsFile, cotFile, Run } from "../Run.ts"
import { RunFileError } from "../RunError.ts"
import { beside } from "./Beside.ts"
import type * as Order from "./Order.ts"
import * as Passing from "./Passing.ts"
import { advance, type Fault, type Pipeline, type Stage } from "./Pipeline.ts"
import type { Misplaced } from "./StageError.ts"

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
export const explained = <A, E, R>(self: Pipeline<Stage, A, E, R>, of?: string) =>
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
