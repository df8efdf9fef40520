/**
 * `warmUp`: bootstraps the closed loop on its reconstruction half alone.
 */
import { Effect, Option, Result, Schema, Stream } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { warn } from "../../kernels/runtime/Warning.ts"
import { Policy, type Prompt, type SupervisedExample } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Question from "../Question.ts"
import * as Reward from "../Reward.ts"
import { Run } from "../Run.ts"
import { RunFileError } from "../RunError.ts"
import type { Sample } from "../Task.ts"
import * as ThinkAnswer from "../ThinkAnswer.ts"
import * as Batches from "./Batches.ts"
import { beside } from "./Beside.ts"
import { advance, type Fault, type Pipeline } from "./Pipeline.ts"
import * as Practice from "./Practice.ts"
import { type Exercise, type PracticeOptions, practising } from "./Practice.ts"
import { Batching, type GrammarMode, grammarOf, reasoningGrammar, sampleAll, type SamplingOptions } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import { supervise } from "./Sft.ts"
import type { StageError } from "./StageError.ts"
import * as Train from "./Train.ts"

/** Settings of `warmUp`. */
export interface WarmUpOptions extends Omit<Settings.TrainOptions, "select">, SamplingOptions {
  /** Share of the training samples that the base explains, in (0, 1]. Default 0.25. Stated beside the results. */
  readonly share?: number
  /** Examples per step. Default 2. */
  readonly batchSize?: number
  /**
   * Weight of the base's own texts as targets beside its reconstruction, so that learning to reconstruct costs it
   * neither what it can see nor how an answer is written: for one half of the pictures a reasoning, for the other a
   * think-answer without the annotation in it (a reasoning too, where its answer cannot be read). A base that can write
   * none at all is shown where one begins and ends: its reasoning and the label, whose tokens weigh nothing. Default 0.
   */
  readonly keep?: number
  /** Whether a reasoning that repeats itself is left out, as F does (`Reward.narrative`). Default true. */
  readonly repetition?: boolean
  /** Whether tags and control tokens are kept out of the chains while they are drawn. Default "off". */
  readonly chains?: GrammarMode
  /**
   * Texts of the policy's own along which its format is held: reconstructions, at every fourth step think-answers.
   * Default: none.
   */
  readonly practice?: PracticeOptions
  /** Score the annotation under the task's grammar. Default "off". */
  readonly grammar?: GrammarMode
}

/** What the options may be. */
const warming: Rules.Table = {
  ...Settings.optimising,
  ...Settings.drawing,
  ...practising,
  share: Rules.share("(0, 1]"),
  batchSize: Rules.whole(1),
  keep: Rules.atLeast(0),
  chains: Settings.grammarMode,
  grammar: Settings.grammarMode
}

/**
 * What the base wrote of a sample: a reasoning, and an answer as it would be asked for one; empty where it is of no
 * use.
 */
const Written = Schema.Struct({ image: Schema.String, reasoning: Schema.String, answer: Schema.String })
/**
 * `usable`: reasonings to learn from; `readable`: of these, those whose answer is in the task's format. 0 where none
 * was asked for.
 */
const Chains = Schema.Struct({ asked: Schema.Int, usable: Schema.Int, readable: Schema.Int })

const unwritten = (usable: number, practised: boolean): string =>
  `warm-up: with none of ${usable} usable reasonings did the base also write an answer in the task's format, so keep ` +
  `puts tags around its reasonings and the annotations` + (practised ? "" : "; practice teaches the format inside them")

/**
 * Bootstraps the closed loop without reasoning labels: the base explains a share of the samples in its own words, then
 * only *reconstruction* is trained, image and that reasoning → the training annotation. A chain that leaks is not used.
 *
 * It belongs to no method: all methods of a run start from the same warmed weights, trained by whichever comes first.
 */
export const warmUp = (options: WarmUpOptions = {}) =>
<A, E, R>(
  self: Pipeline<"Sampled", A, E, R>
): Pipeline<"Warmed", A, E | Fault | StageError, R | Policy | Run> => {
  const stage = "warm-up"
  const file = "warm-up.jsonl"
  const { batchSize = 2, keep = 0, maxTokens = Settings.lengths.reasoning, share = 0.25, temperature = 1 } = options
  const { task } = self

  const chosen = Stream.unwrap(
    Effect.map(
      Run,
      ({ seed }) =>
        Stream.filter(self.data, (sample) => Keyed.stream(seed, `${stage}/sample=${sample.image.id}`).next() < share)
    )
  )

  const write = Effect.scoped(Effect.gen(function*() {
    const run = yield* Run
    const { prompts } = yield* Batching
    const session = yield* (yield* Policy).session
    const leaks = Reward.leak(task)
    const narrative = yield* reasoningGrammar(task.name, options.chains)
    const asked = (form: "reason" | "annotate", grammar: Grammar | undefined) => (samples: ReadonlyArray<Sample<A>>) =>
      Effect.forEach(
        samples,
        (sample) =>
          PlugIn.run(task, sample, () => form === "reason" ? task.encode(sample.truth) : "").pipe(
            Effect.flatMap((annotation) => Question.ask(task, form, sample, annotation)),
            Effect.map((prompt) => ({ prompt, key: `${stage}/sample=${sample.image.id}/${form}` }))
          )
      ).pipe(
        Effect.flatMap((requests) => sampleAll(session, requests, { count: 1, maxTokens, temperature, grammar })),
        Effect.map((completions) => completions.map((group) => group[0]?.text ?? ""))
      )
    const reasonings = asked("reason", narrative)
    const answers = asked("annotate", undefined)
    return yield* chosen.pipe(
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        Effect.map(
          Effect.all([reasonings(samples), keep > 0 ? answers(samples) : Effect.succeed([])]),
          ([reasonings, answers]) =>
            samples.map((sample, i) => ({ sample, reasoning: reasonings[i] ?? "", answer: answers[i] ?? "" }))
        )
      ),
      Stream.flattenIterable,
      Stream.mapEffect(({ answer, reasoning, sample }) =>
        PlugIn.run(task, sample, (): typeof Written.Type => {
          const usable = Option.isNone(leaks(reasoning, sample.truth)) &&
            Option.isNone(Reward.narrative(reasoning, options))
          const read = Answer.parse(task, "think", answer).annotation
          return {
            image: sample.image.id,
            reasoning: usable ? reasoning : "",
            answer: Result.isSuccess(read) ? answer : ""
          }
        }).pipe(Effect.tap((row) => run.append(file, row)))
      ),
      Stream.runFold(
        (): typeof Chains.Type => ({ asked: 0, usable: 0, readable: 0 }),
        ({ asked, readable, usable }, { answer, reasoning }) => ({
          asked: asked + 1,
          usable: usable + (reasoning === "" ? 0 : 1),
          readable: readable + (answer === "" || reasoning === "" ? 0 : 1)
        })
      ),
      Effect.tap(({ readable, usable }) =>
        keep > 0 && usable > 0 && readable === 0 ? warn(unwritten(usable, options.practice !== undefined)) : Effect.void
      )
    )
  }))

  /**
   * An example of the base's own writing, so that the warm-up does not unlearn it: its reasoning, or its think-answer
   * with the annotation at weight 0, half and half by a draw keyed by the picture. Where no usable answer was in the
   * format (`readable` 0), the think-answer is made of its reasoning and the true annotation, again at weight 0.
   */
  const keptOf = Effect.fnUntraced(function*(
    sample: Sample<A>,
    { answer, reasoning }: typeof Written.Type,
    { readable }: typeof Chains.Type
  ) {
    const { seed } = yield* Run
    const annotation = yield* PlugIn.run(task, sample, () => task.encode(sample.truth))
    const written = readable === 0 ? Result.succeed({ reasoning, answer: annotation }) : ThinkAnswer.read(answer)
    if (Result.isFailure(written) || Keyed.stream(seed, `${stage}/sample=${sample.image.id}/keep`).next() < 0.5) {
      const prompt = yield* Question.ask(task, "reason", sample, annotation)
      return { prompt, target: [{ text: reasoning, weight: keep }] }
    }
    const around = ThinkAnswer.segments(written.success.reasoning, { text: written.success.answer, weight: 0 })
    const prompt = yield* Answer.ask(task, "think", sample)
    return { prompt, target: around.map((part) => ({ ...part, weight: keep * part.weight })) }
  })

  const training = Effect.gen(function*() {
    const run = yield* Run
    const chains = yield* run.once("warm-up-chains", Chains, write)
    yield* run.metric({ stage, step: 0, of: 0, ...chains, share })
    const grammar = yield* grammarOf(task, options.grammar, "answer")
    const texts = Stream.mapEffect(run.rows(file), (row) =>
      Schema.decodeUnknownEffect(Written)(row).pipe(
        Effect.mapError((cause) =>
          new RunFileError({ path: file, reason: "holds a line that is no text of the base", cause })
        )
      ))
    const examples = beside(chosen, texts, file).pipe(
      Stream.filter(([, { reasoning }]) => reasoning !== ""),
      Stream.mapEffect(([sample, written]) =>
        Effect.gen(function*() {
          const prompt = yield* Question.ask(task, "reconstruct", sample, written.reasoning)
          const answer = yield* PlugIn.run(task, sample, () => task.encode(sample.truth))
          const reconstruction: SupervisedExample = { prompt, target: [{ text: answer, weight: 1 }], grammar }
          return {
            sample,
            prompt,
            examples: keep > 0 ? [reconstruction, yield* keptOf(sample, written, chains)] : [reconstruction]
          }
        })
      )
    )
    const practise = yield* Practice.make(task, options.practice)
    const exercises = (
      batch: ReadonlyArray<{ readonly prompt: Prompt; readonly sample: Sample<A> }>,
      step: number,
      key: string
    ) =>
      Effect.forEach(batch, ({ prompt, sample }, i) => {
        const of = { key: `${key}/practice/${i}` }
        return step % 4 > 0
          ? Effect.succeed<Exercise>({ ...of, form: "answer", prompt })
          : Effect.map(Answer.ask(task, "think", sample), (prompt): Exercise => ({ ...of, form: "think", prompt }))
      })
    yield* Train.train({
      stage,
      settings: options,
      batches: Batches.endless(examples, {
        seed: run.seed,
        key: stage,
        stage: run.named(stage),
        size: batchSize,
        what: "usable chains of the base"
      }),
      step: (batch, { key, step, update }) =>
        Effect.gen(function*() {
          const format = yield* Effect.flatMap(exercises(batch, step, key), practise)
          return yield* supervise(batch.flatMap(({ examples }) => examples), format, update)
        })
    })
  })

  const ready: Effect.Effect<void, E | Fault | StageError, R | Policy | Run> = Effect.flatMap(Run, (run) => {
    const shared = run.within("")
    return Effect.andThen(self.ready, Effect.provideService(shared.trained(stage, training), Run, shared))
  })
  return advance(self, {
    stage: "Warmed",
    sound: Effect.andThen(Settings.check(stage, warming, options), Practice.fits(stage, options, batchSize)),
    ready,
    items: self.data
  })
}
