/**
 * What a base writes of the samples that `warmUp` chose, before it is trained: a reasoning each, and where its own
 * texts are kept an answer too. One line a sample in `warm-up.jsonl`, so that nothing is held in memory.
 */
import { Effect, Option, Result, Schema, Stream } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { Policy } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Progress from "../Progress.ts"
import * as Question from "../Question.ts"
import * as Reward from "../Reward.ts"
import { Run } from "../Run.ts"
import { RunFileError } from "../RunError.ts"
import { formatReason, type Sample, type Task } from "../Task.ts"
import { stepSpan } from "../telemetry/Exporting.ts"
import * as Passing from "./Passing.ts"
import { Batching, sampleAll } from "./Sampling.ts"
import { NoUsableChains } from "./StageError.ts"

/** The file that holds them, in the run's folder. */
export const file = "warm-up.jsonl"
/** The file of the first texts that are of no use, where none is of any. */
const unusableFile = "warm-up-unusable.jsonl"
/** So many of them tell what is wrong. */
const shownUnusable = 100

/** A text that is of no use. */
const Unusable = Schema.Struct({
  image: Schema.String,
  /** "empty", or a tag as verdicts have it. */
  reason: Schema.Literals(["empty", "leak", "format-reasoning"]),
  detail: Schema.String,
  text: Schema.String
})
type Unusable = typeof Unusable.Type

/** How many are of no use, and the first of them. */
const Unusables = Schema.Struct({
  counts: Schema.Struct({ empty: Schema.Int, leak: Schema.Int, "format-reasoning": Schema.Int }),
  first: Schema.Array(Unusable)
})

const adding = ({ counts, first }: typeof Unusables.Type, one: Unusable): typeof Unusables.Type => ({
  counts: { ...counts, [one.reason]: counts[one.reason] + 1 },
  first: first.length < shownUnusable ? [...first, one] : first
})

/**
 * What the base wrote of a sample: a reasoning, and an answer as it would be asked for one; empty where it is of no
 * use.
 */
export const Written = Schema.Struct({
  image: Schema.String,
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optionalKey(Schema.String),
  reasoning: Schema.String,
  answer: Schema.String
})

/**
 * `usable`: reasonings to learn from; `readable`: of these, those whose answer is in the task's format. 0 where none
 * was asked for.
 */
export const Chains = Schema.Struct({ asked: Schema.Int, usable: Schema.Int, readable: Schema.Int })

/** What has come of a pass so far. */
const SoFar = Schema.Struct({ chains: Chains, unusable: Unusables })

/** How they are drawn. */
export interface Drawing {
  /** Names the pass in progress. */
  readonly pass: string
  readonly maxTokens: number
  readonly temperature: number
  /** Of the reasonings. */
  readonly chains: PolicyGrammar.GrammarMode | undefined
  /** Whether a reasoning that repeats itself is of no use. */
  readonly repetition: boolean | undefined
  /** Whether answers are asked for too. */
  readonly answers: boolean
  /** Whether any is learned from: then one at least must be of use. */
  readonly learned: boolean
}

/** How it went, in a few words. A base that does not know a task's answers yet is what a warm-up is for. */
const noteOf = ({ asked, readable, usable }: typeof Chains.Type, { answers, learned }: Drawing): string =>
  `${usable} of ${asked} usable` + (answers && learned && usable > 0 && readable === 0
    ? "; no answer is in the task's format yet: the warm-up shows the base where one begins and ends"
    : "")

/** Writes them, in the order of the samples, and counts what is of use. */
export const write = <A, E, R>(
  stage: string,
  task: Task<A>,
  samples: Stream.Stream<Sample<A>, E, R>,
  drawing: Drawing
) =>
  Effect.scoped(Effect.gen(function*() {
    const { answers, chains, learned, maxTokens, pass, repetition, temperature } = drawing
    const run = yield* Run
    const { prompts } = yield* Batching
    const session = yield* (yield* Policy).session
    const leaks = Reward.leak(task)
    const grammar = yield* PolicyGrammar.where(chains, PolicyGrammar.ofReasoning(task.name))
    const asked = (form: "reason" | "annotate", grammar: Grammar | undefined) => (samples: ReadonlyArray<Sample<A>>) =>
      Effect.forEach(
        samples,
        (sample) =>
          (form === "reason" ? PlugIn.encode(task, sample) : Effect.succeed("")).pipe(
            Effect.flatMap((annotation) => Question.ask(task, form, sample, annotation)),
            Effect.map((prompt) => ({ prompt, key: `${stage}/sample=${sample.image.id}/${form}` }))
          )
      ).pipe(
        Effect.flatMap((requests) => sampleAll(session, requests, { count: 1, maxTokens, temperature, grammar })),
        Effect.map((completions) => completions.map((group) => group[0]?.text ?? ""))
      )
    const reasoningsOf = asked("reason", grammar)
    const answersOf = asked("annotate", undefined)
    const total = yield* Stream.runCount(samples)
    const texts = Stream.unwrap(Effect.gen(function*() {
      let done = yield* Passing.Done
      yield* Progress.report(Progress.Event.Started({ stage: pass, total, unit: "samples", ...(done > 0 && { done }) }))
      return Passing.left(samples).pipe(
        Stream.grouped(prompts),
        Stream.mapEffect((samples) =>
          Effect.map(
            Effect.all([reasoningsOf(samples), answers ? answersOf(samples) : Effect.succeed([])]),
            ([reasonings, answers]) =>
              samples.map((sample, i) => ({ sample, reasoning: reasonings[i] ?? "", answer: answers[i] ?? "" }))
          ).pipe(stepSpan(pass, done + samples.length))
        ),
        Stream.tap((batch) =>
          Progress.report(Progress.Event.Step({ stage: pass, step: done += batch.length, tokens: 0, figures: {} }))
        ),
        Stream.flattenIterable
      )
    }))
    const looked = ({ answer, reasoning, sample }: Stream.Success<typeof texts>) =>
      PlugIn.run(task, sample, () => {
        const quoted = leaks(reasoning, sample.truth)
        const fault = Option.orElse(quoted, () => Reward.narrative(reasoning, { repetition }))
        const unusable = Option.map(fault, ({ reason: detail }): Unusable => {
          const reason = reasoning.trim() === "" ? "empty" : Option.isSome(quoted) ? "leak" : "format-reasoning"
          return { image: sample.image.id, reason, detail, text: reasoning }
        })
        const read = Answer.parse(task, "think", answer).annotation
        const row: typeof Written.Type = {
          image: sample.image.id,
          ...(sample.question !== undefined && { question: sample.question }),
          reasoning: Option.isNone(unusable) ? reasoning : "",
          answer: Result.isSuccess(read) ? answer : ""
        }
        return { row, unusable }
      })
    const { chains: written, unusable } = yield* Passing.fold({
      stage: pass,
      items: texts,
      codec: SoFar,
      initial: {
        chains: { asked: 0, usable: 0, readable: 0 },
        unusable: { counts: { empty: 0, leak: 0, "format-reasoning": 0 }, first: [] }
      },
      each: ({ chains: { asked, readable, usable }, unusable: before }, text) =>
        Effect.gen(function*() {
          const { row, unusable } = yield* looked(text)
          yield* run.append(file, row)
          return {
            chains: {
              asked: asked + 1,
              usable: usable + (row.reasoning === "" ? 0 : 1),
              readable: readable + (row.answer === "" || row.reasoning === "" ? 0 : 1)
            },
            unusable: Option.match(unusable, { onNone: () => before, onSome: (one) => adding(before, one) })
          }
        })
    }).pipe(
      Effect.tap(({ chains }) =>
        Progress.report(Progress.Event.Finished({ stage: pass, note: noteOf(chains, drawing) }))
      )
    )
    const [first] = unusable.first
    if (!learned || written.usable > 0 || first === undefined) return written
    yield* Effect.forEach(unusable.first, (one) => run.append(unusableFile, { ...one }), { discard: true })
    return yield* new NoUsableChains({
      stage,
      asked: written.asked,
      empty: unusable.counts.empty,
      leaked: unusable.counts.leak,
      formless: unusable.counts["format-reasoning"],
      sample: first.image,
      text: formatReason("", first.text).value,
      file: unusableFile
    })
  }))

/** Reads them back, in the same order. */
export const read = Stream.unwrap(
  Effect.map(Run, (run) =>
    Stream.mapEffect(run.rows(file), (row) =>
      Schema.decodeUnknownEffect(Written)(row).pipe(
        Effect.mapError((cause) =>
          new RunFileError({ path: file, reason: "holds a line that is no text of the base", cause })
        )
      )))
)
