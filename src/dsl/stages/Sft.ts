/**
 * `sft`: supervised fine-tuning on lessons, eq. 8.
 */
import { Effect, Stream } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import { Objective, Policy, type SupervisedExample, type UpdateOptions } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import type { Lesson } from "../Group.ts"
import * as PlugIn from "../PlugIn.ts"
import { withoutTags } from "../Question.ts"
import { Run } from "../Run.ts"
import type { Task } from "../Task.ts"
import * as ThinkAnswer from "../ThinkAnswer.ts"
import * as Ahead from "./Ahead.ts"
import * as Augment from "./Augment.ts"
import * as Batches from "./Batches.ts"
import * as Futile from "./Futile.ts"
import * as futileIn from "./futileIn.ts"
import type * as Order from "./Order.ts"
import { advance, type Fault, type Form, type Pipeline } from "./Pipeline.ts"
import * as Practice from "./Practice.ts"
import { type LessonPracticeOptions, practisingLessons } from "./Practice.ts"
import * as Settings from "./Settings.ts"
import type { StageError } from "./StageError.ts"
import * as Train from "./Train.ts"
import * as Validation from "./Validation.ts"
import * as Weighing from "./Weighing.ts"

/** Other examples that keep alive what the policy could do before. */
export interface Replay<E = never, R = never> {
  /** Share of each batch, in [0, 1). */
  readonly share: number
  /** Replayable; shuffled, and begun anew at its end. */
  readonly examples: Stream.Stream<SupervisedExample, E, R>
}

/** Settings of `sft`. */
export interface SftOptions<E = never, R = never> extends Settings.TrainOptions {
  /** Lessons per step, replay included. Default 2: batch 1, accumulation 2. */
  readonly batchSize?: number
  /** Weight of the answer's tokens in the loss, against 1 for the reasoning's. Default 1, eq. 8. */
  readonly answerWeight?: number
  /** Score answers under the task's grammar, as decoding under it will. Default "off". */
  readonly grammar?: PolicyGrammar.GrammarMode
  /** Other examples mixed into each batch. Default: none. */
  readonly replay?: Replay<E, R>
  /** Texts along which its format is held: the policy's own, or those of other lessons. Default: none. */
  readonly practice?: LessonPracticeOptions
  /** Longest answer while selecting on the validation split, in tokens. Default 224. */
  readonly maxTokens?: number
}

/** What the options may be. */
export const supervising: Rules.Table = {
  ...Settings.optimising,
  batchSize: Settings.batch,
  answerWeight: Settings.lossWeight,
  grammar: Settings.grammarMode,
  ...practisingLessons,
  "replay.share": Rules.required(Rules.share("[0, 1)")),
  maxTokens: Settings.length
}

/** One step on examples and what was practised: shared by `sft` and `warmUp`. */
export const supervise = (
  examples: ReadonlyArray<SupervisedExample>,
  practised: Practice.Practised | undefined,
  update: UpdateOptions
) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    // First: the weights are still those that drew the texts.
    if (practised?._tag === "Before" && practised.objective !== undefined) {
      yield* policy.update(practised.objective, update)
    }
    const format = practised?._tag === "Beside" ? practised.loss : undefined
    const objective = Objective.Supervised({ examples, ...(format !== undefined && { format }) })
    const stats = yield* policy.update(objective, update)
    const { loss, tokens } = stats
    const held = practised?._tag === "Before" ? practised : undefined
    return {
      figures: {
        loss,
        ...Train.gradientFigures(stats),
        ...Train.formatFigures(stats),
        ...held?.figures,
        trained: tokens
      },
      tokens: Train.trainedTokens(stats) + (held?.tokens ?? 0)
    }
  })

/** `<think>R*</think><answer>A</answer>` given the image alone, or the bare annotation where there is no chain. */
const example = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  { reasoning, sample, weight: whole = 1 }: Lesson<A>,
  answerWeight: number
) {
  const answer = { text: yield* PlugIn.encode(task, sample), weight: answerWeight }
  const form: Form = reasoning === undefined ? "answer" : "think"
  return {
    form,
    prompt: yield* Answer.ask(task, form, sample),
    target: (reasoning === undefined ? [answer] : ThinkAnswer.segments(withoutTags(reasoning), answer))
      .map(({ text, weight }) => ({ text, weight: whole * weight }))
  }
})

/**
 * Supervised fine-tuning, eq. 8. On D_RISE^high the target is the think-answer; after `answers` it is the annotation
 * alone; straight on D_RISE it is the paper's "SFT Full" ablation.
 *
 * ```ts
 * curated.pipe(Rise.sft({ steps: 200, batchSize: 16, learningRate: 1e-3, answerWeight: 3 }))
 * ```
 *
 * The loss of a batch is the weighted mean over its tokens: weights of lessons (`filter({ soft })`) count against those
 * of the same batch, so the larger the batch the better they are kept.
 */
export const sft = <E2 = never, R2 = never>(options: SftOptions<E2, R2> = {}) =>
<A, E, R>(
  self: Pipeline<Order.Before<"sft">, A, E, R>
): Pipeline<"Tuned", A, E | E2 | Fault | StageError, R | R2 | Policy | Run> => {
  const stage = "sft"
  const { answerWeight, batchSize, maxTokens = Settings.lengths.thinkAnswer, replay } = Settings.filledStage(options)
  const extra = replay === undefined ? 0 : Math.round(batchSize * replay.share)
  const sound = Effect.all([
    Settings.check(stage, supervising, options, ["replay.examples"]),
    Effect.suspend(() =>
      extra < batchSize ? Effect.void : Settings.refuse(stage, {
        setting: "replay.share",
        value: String(replay?.share),
        expected: `a share that leaves room for a lesson in a batch of ${batchSize}`
      })
    ),
    Effect.suspend(() =>
      extra > 0 || replay === undefined || replay.share === 0 ? Effect.void : Settings.refuse(stage, {
        setting: "replay.share",
        value: String(replay.share),
        expected: `0, or a share that comes to an example in a batch of ${batchSize}`
      })
    ),
    Futile.check(stage, futileIn.supervising, options),
    Futile.checkMask(stage, self.task, options.grammar),
    Futile.checkSelect(stage, self.described, options),
    Effect.suspend(() =>
      batchSize > 1 || !Weighing.weighed(self.described) ? Effect.void : Settings.refuse(stage, {
        setting: "batchSize",
        value: String(batchSize),
        expected: "2 or more behind filter({ soft }): weights count within a batch"
      })
    ),
    Practice.fits(stage, options, batchSize - extra),
    Augment.fits(stage, self.task, options)
  ], { discard: true })
  const training = Effect.gen(function*() {
    const { named, seed } = yield* Run
    const grammar = {
      answer: yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofAnswer(self.task, "answer")),
      think: yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofAnswer(self.task, "think"))
    }
    // One endless stream of lessons zipped with one of replayed examples: neither is ever held as a whole.
    const replayed: Stream.Stream<ReadonlyArray<SupervisedExample>, E2 | StageError, R2> =
      replay === undefined || extra === 0
        ? Stream.fromEffectRepeat(Effect.succeed([]))
        : Batches.endless(replay.examples, {
          seed,
          key: `${stage}/replay`,
          stage: named(stage),
          size: extra,
          what: "replay examples"
        })
    const lessons: Stream.Stream<Lesson<A>, E, R> = self.items
    const batches = Stream.zip(
      Batches.endless(lessons, { seed, key: stage, stage: named(stage), size: batchSize - extra, what: "lessons" }),
      replayed
    )
    const practise = yield* Practice.make(stage, named(stage), self.task, options)
    const augmented = yield* Augment.make(options)
    yield* Train.train({
      stage,
      settings: options,
      lessons: true,
      batches,
      samples: ([batch, old]) => [
        ...batch.map(({ sample }) => sample.image.id),
        ...old.flatMap(({ prompt }) => prompt.images.map(({ id }) => id))
      ],
      step: ([batch, old], { key, update }) =>
        Effect.gen(function*() {
          const shown = augmented(key, batch.map(({ sample }) => sample))
          const lessons = yield* Effect.forEach(
            batch,
            (lesson, i) => example(self.task, { ...lesson, sample: shown[i] ?? lesson.sample }, answerWeight)
          )
          const format = yield* practise(
            lessons.map(({ form, prompt, target }, i) => ({ form, prompt, target, key: `${key}/practice/${i}` }))
          )
          const examples = lessons.map(({ form, ...rest }) => ({ ...rest, grammar: grammar[form] }))
          return yield* supervise([...examples, ...old], format, update)
        }),
      score: Validation.answers(self, stage, { maxTokens, grammar: options.grammar, samples: options.select?.samples })
    })
  })
  return advance(self, {
    stage: "Tuned",
    described: [stage, options],
    plan: [Ahead.training(stage, options, (pace) => ({
      each: batchSize * pace.trained + Ahead.practising(options.practice, pace),
      look: pace.drawnAlone
    }))],
    sound,
    ready: Effect.andThen(self.ready, Effect.flatMap(Run, (run) => run.trained(stage, training))),
    items: self.data
  })
}
