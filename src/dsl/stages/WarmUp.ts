/**
 * `warmUp`: bootstraps the closed loop on its reconstruction half alone.
 */
import { Effect, Stream } from "effect"
import type { Image } from "../../kernels/image/Image.ts"
import * as Keyed from "../../kernels/math/Keyed.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import type { Policy, Prompt, SupervisedExample } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Progress from "../Progress.ts"
import * as Question from "../Question.ts"
import { Run } from "../Run.ts"
import type { Sample } from "../Task.ts"
import * as Ahead from "./Ahead.ts"
import * as Augment from "./Augment.ts"
import * as BaseFormat from "./BaseFormat.ts"
import * as BaseTexts from "./BaseTexts.ts"
import * as Batches from "./Batches.ts"
import { beside } from "./Beside.ts"
import * as Futile from "./Futile.ts"
import * as Keep from "./Keep.ts"
import type * as Order from "./Order.ts"
import { advance, type Fault, type Pipeline } from "./Pipeline.ts"
import * as Practice from "./Practice.ts"
import { type Exercise, type PracticeOptions, practising } from "./Practice.ts"
import type { SamplingOptions } from "./Sampling.ts"
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
  readonly chains?: PolicyGrammar.GrammarMode
  /**
   * Texts of the policy's own along which its format is held: reconstructions, at every fourth step think-answers.
   * Default: none.
   */
  readonly practice?: PracticeOptions
  /**
   * Leaves the warm-up out where the base knows the format already: where of the first 16 samples at least this share
   * has a think-answer that can be read and, from its reasoning, an annotation that is rebuilt, in (0, 1]. Default: it
   * is never left out.
   */
  readonly unless?: number
  /** Score the annotation under the task's grammar. Default "off". */
  readonly grammar?: PolicyGrammar.GrammarMode
}

/** What is learned of one sample. */
interface Learned<A> {
  readonly sample: Sample<A>
  readonly prompt: Prompt
  readonly examples: ReadonlyArray<SupervisedExample>
}

/** The same with another picture in the place of the sample's own. */
const showing = <A>({ examples, prompt, sample }: Learned<A>, image: Image): Learned<A> => {
  const instead = (asked: Prompt): Prompt => ({
    ...asked,
    images: asked.images.map((one) => one === sample.image ? image : one)
  })
  return {
    sample: { ...sample, image },
    prompt: instead(prompt),
    examples: examples.map((example) => ({ ...example, prompt: instead(example.prompt) }))
  }
}

/** What the options may be. */
export const warming: Rules.Table = {
  ...Settings.optimising,
  ...Settings.drawing,
  ...practising,
  share: Rules.share("(0, 1]"),
  batchSize: Settings.batch,
  keep: Settings.lossWeight,
  unless: Rules.share("(0, 1]"),
  repetition: Rules.yesOrNo,
  chains: Settings.grammarMode,
  grammar: Settings.grammarMode
}

/**
 * Bootstraps the closed loop without reasoning labels: the base explains a share of the samples in its own words, then
 * only *reconstruction* is trained, image and that reasoning → the training annotation. A chain that leaks is not used.
 *
 * It belongs to no method: all methods of a run start from the same warmed weights, trained by whichever comes first.
 */
export const warmUp = (options: WarmUpOptions = {}) =>
<A, E, R>(
  self: Pipeline<Order.Before<"warmUp">, A, E, R>
): Pipeline<"Warmed", A, E | Fault | StageError, R | Policy | Run> => {
  const stage = "warm-up"
  const chains = "warm-up-chains"
  const {
    batchSize,
    keep,
    maxTokens = Settings.lengths.reasoning,
    share,
    temperature
  } = Settings.filledStage(options)
  const { task } = self
  /** What the base writes for a picture, and what is learned of it at a time. */
  const texts = keep > 0 ? 2 : 1

  const chosen = Stream.unwrap(
    Effect.map(
      Run,
      ({ seed }) =>
        Stream.filter(self.data, (sample) => Keyed.stream(seed, `${stage}/sample=${sample.image.id}`).next() < share)
    )
  )

  const write = BaseTexts.write(stage, task, chosen, {
    pass: chains,
    maxTokens,
    temperature,
    chains: options.chains,
    repetition: options.repetition,
    answers: keep > 0,
    learned: Settings.filled(options).steps > 0
  })

  const training = Effect.gen(function*() {
    const run = yield* Run
    if (options.unless !== undefined) {
      const { asked, rebuilt } = yield* run.once(
        "warm-up-format",
        BaseFormat.Readable,
        Effect.tap(
          BaseFormat.ask(stage, task, self.data, maxTokens),
          ({ asked, readable, rebuilt }) =>
            run.metric({ stage, step: 0, of: 0, "asked for format": asked, "in format": readable, rebuilt })
        )
      )
      if (rebuilt >= options.unless * asked) {
        return yield* Progress.report(
          Progress.Event.Finished({
            stage,
            note: `left out: the base answers and rebuilds ${rebuilt} of ${asked} in the format already`
          })
        )
      }
    }
    const written = yield* run.once(
      chains,
      BaseTexts.Chains,
      Effect.tap(write, (written) => run.metric({ stage, step: 0, of: 0, ...written, share }))
    )
    const grammar = yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofAnswer(task, "answer"))
    const examples = beside(chosen, BaseTexts.read, BaseTexts.file).pipe(
      Stream.filter(([, { reasoning }]) => reasoning !== ""),
      Stream.mapEffect(([sample, text]) =>
        Effect.gen(function*() {
          const prompt = yield* Question.ask(task, "reconstruct", sample, text.reasoning)
          const answer = yield* PlugIn.encode(task, sample)
          const reconstruction: SupervisedExample = { prompt, target: [{ text: answer, weight: 1 }], grammar }
          const kept = keep > 0 ? [yield* Keep.example(stage, task, keep, sample, text, written)] : []
          return { sample, prompt, examples: [reconstruction, ...kept] }
        })
      )
    )
    const practise = yield* Practice.make("warmUp", run.named(stage), task, options)
    const augmented = yield* Augment.make(options)
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
        what: `samples that share ${share} draws`
      }),
      samples: (batch) => batch.map(({ sample }) => sample.image.id),
      step: (batch, { key, step, update }) =>
        Effect.gen(function*() {
          const shown = augmented(key, batch.map(({ sample }) => sample))
          const seen = batch.map((one, i) => showing(one, shown[i]?.image ?? one.sample.image))
          const format = yield* Effect.flatMap(exercises(seen, step, key), practise)
          return yield* supervise(seen.flatMap(({ examples }) => examples), format, update)
        })
    })
  })

  const ready: Effect.Effect<void, E | Fault | StageError, R | Policy | Run> = Effect.flatMap(Run, (run) => {
    const shared = run.within("")
    return Effect.andThen(self.ready, Effect.provideService(shared.trained(stage, training), Run, shared))
  })
  return advance(self, {
    stage: "Warmed",
    described: ["warmUp", options],
    plan: [
      { ...Ahead.passing(chains, ({ drawnAlone }) => share * texts * drawnAlone), shared: true },
      {
        ...Ahead.training(stage, options, (pace) => ({
          each: batchSize * texts * pace.trained + Ahead.practising(options.practice, pace),
          look: 0
        })),
        shared: true
      }
    ],
    sound: Effect.all([
      Settings.check(stage, warming, options),
      Futile.checkMask(stage, task, options.grammar),
      Practice.fits(stage, options, batchSize),
      Augment.fits(stage, task, options)
    ], { discard: true }),
    ready,
    items: self.data
  })
}
