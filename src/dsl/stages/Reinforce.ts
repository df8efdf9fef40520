/**
 * GRPO stages: `reinforce` trains the closed loop (RISE-CoT, eq. 7), `rft` trains think-answers (RISE-R1, eq. 10).
 */
import { Array, Effect, Stream } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import { Policy } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import * as Group from "../Group.ts"
import * as Judgments from "../Judgments.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Reward from "../Reward.ts"
import { Run } from "../Run.ts"
import * as Ahead from "./Ahead.ts"
import * as Augment from "./Augment.ts"
import * as Batches from "./Batches.ts"
import * as Collapse from "./Collapse.ts"
import { explaining, pass } from "./Explaining.ts"
import * as Futile from "./Futile.ts"
import * as futileIn from "./futileIn.ts"
import * as GroupRelative from "./GroupRelative.ts"
import * as Learning from "./Learning.ts"
import type * as Order from "./Order.ts"
import { advance, type ClosedLoop, type Fault, type Pipeline, type Stage } from "./Pipeline.ts"
import { distinctIds, sampleAll, type SamplingOptions } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import type { StageError } from "./StageError.ts"
import * as Train from "./Train.ts"
import * as Validation from "./Validation.ts"

const credits = ["joint", "reasoning", "reconstruction"] as const
type Credit = typeof credits[number]

/** Settings of `reinforce`. */
export interface ReinforceOptions extends Settings.GrpoOptions {
  /**
   * Which tokens of the closed loop the group's advantage reaches. Default "joint": eq. 7 optimises π(R, Â | I, A).
   */
  readonly credit?: Credit
}

/** What the options may be. */
export const crediting: Rules.Table = { ...Settings.reinforcing, credit: Rules.oneOf(...credits) }

/** What the loop must draw for there to be something to learn: of one candidate every advantage is 0. */
const learnable = (credit: Credit): Rules.Table => ({
  "generate.candidates": Settings.candidates(2),
  ...(credit !== "reconstruction" && { "generate.temperature": Rules.temperature(false) }),
  ...(credit !== "reasoning" && { "reconstruct.temperature": Rules.temperature(false) })
})

/** The next keyed-shuffled prompts of D, without end. */
const promptBatches = <A, E, R>(self: Pipeline<Stage, A, E, R>, stage: string, options: Settings.GrpoOptions) =>
  Stream.unwrap(
    Effect.map(
      Run,
      ({ named, seed }) =>
        Batches.endless(self.data, {
          seed,
          key: stage,
          stage: named(stage),
          size: Settings.filled(options).promptsPerStep,
          what: "samples"
        })
    )
  )

const imageIds = (samples: ReadonlyArray<{ readonly image: { readonly id: string } }>): ReadonlyArray<string> =>
  samples.map(({ image }) => image.id)

/** The draws of a candidate that the group's advantage reaches. */
const creditedOf = (credit: Credit) => credit === "joint" ? ["reasoning", "reconstruction"] as const : [credit] as const

/** Grammars are only compiled where a format loss or the blame for a broken format needs them. */
const ofFormat = <E, R>(options: Settings.GrpoOptions, grammar: Effect.Effect<Grammar | undefined, E, R>) => {
  const { blame, format } = Settings.filled(options)
  return format > 0 || blame === "token" ? grammar : Effect.succeed(undefined)
}

/** What may be said of the settings of either stage before any work. */
const sound = <A, E, R>(
  { described, task }: Pipeline<Stage, A, E, R>,
  stage: string,
  table: Rules.Table,
  options: Settings.GrpoOptions
) =>
  Effect.all([
    Settings.check(stage, table, options),
    Effect.suspend(() => Futile.check(stage, futileIn.reinforcing, options, Settings.filled(options))),
    Futile.checkSelect(stage, described, options),
    Augment.fits(stage, task, options)
  ], { discard: true })

/**
 * RISE-CoT training, eq. 7: interprets the described closed loop for every step on the next batch under a session of
 * the newest weights and updates by GRPO; then the trained policy makes one pass over all data, whose groups flow on.
 *
 * ```ts
 * loop.pipe(Rise.reinforce({ steps: 200, promptsPerStep: 8, learningRate: 5e-5, kl: 0.05 }))
 * ```
 */
export const reinforce = (options: ReinforceOptions = {}) =>
<A, E, R>(
  self: ClosedLoop<Order.Before<"reinforce">, A, E, R>
): Pipeline<"Reinforced", A, E | Fault | StageError, R | Policy | Run> => {
  const stage = "reinforce"
  const credit = options.credit ?? "joint"
  const { task } = self
  const training = Effect.gen(function*() {
    const formats = {
      reasoning: yield* ofFormat(options, PolicyGrammar.ofReasoning(task.name)),
      reconstruction: yield* ofFormat(options, PolicyGrammar.ofAnswer(task, "answer"))
    }
    const [dead, seen, lost] = [GroupRelative.deadInARow(), Learning.memory(), Collapse.memory()]
    const learn = GroupRelative.stepper(
      (yield* Run).named(stage),
      options,
      creditedOf(credit).map((draw) => formats[draw]),
      dead
    )
    const augmented = yield* Augment.make(options)
    yield* Train.train({
      stage,
      settings: options,
      batches: promptBatches(self, stage, options),
      samples: imageIds,
      step: (batch, { key, step, update }) =>
        Effect.gen(function*() {
          const policy = yield* Policy
          const samples = augmented(key, batch)
          const groups = yield* Effect.scoped(
            Effect.flatMap(policy.session, (session) => self.loop({ session, key }, samples))
          )
          const judged = groups.map(({ candidates }) =>
            candidates.map((candidate) => ({
              reward: candidate.reward,
              verdict: candidate.verdict,
              draws: creditedOf(credit).map((draw) => candidate[draw])
            }))
          )
          return yield* learn(judged, step, update)
        }),
      watch: Collapse.watch(Learning.watch(options, seen), lost),
      ended: Learning.ended(seen),
      memories: [dead, seen, lost],
      score: Validation.loop(self, stage, self.loop, options.select?.samples)
    })
  })
  return advance(self, {
    stage: "Reinforced",
    described: [stage, options],
    plan: [Ahead.training(stage, options, (pace) => ({
      each: Settings.filled(options).promptsPerStep * self.texts * Ahead.rollout(options, pace),
      look: self.texts * pace.drawnInGroup
    }))],
    reading: explaining(self.texts),
    sound: Effect.andThen(
      sound(self, stage, crediting, options),
      Settings.filled(options).steps === 0 ? Effect.void : Settings.holds(stage, learnable(credit), self.drawn)
    ),
    ready: Effect.andThen(self.ready, Effect.flatMap(Run, (run) => run.trained(stage, training))),
    items: pass("explain", self.data, self.loop)
  })
}

/** Settings of `rft`. */
export interface RftOptions extends Settings.GrpoOptions, SamplingOptions {
  /** G, the think-answers per prompt. Default 8. */
  readonly groupSize?: number
  /** Whether the think-answer format is enforced while decoding. Default "off". */
  readonly grammar?: PolicyGrammar.GrammarMode
}

/** What the options may be. Of a group of one every advantage is 0. */
export const strengthening: Rules.Table = {
  ...Settings.reinforcing,
  ...Settings.drawing,
  temperature: Rules.temperature(false),
  groupSize: Settings.candidates(2),
  grammar: Settings.grammarMode
}

/**
 * Reinforcement fine-tuning, eq. 9 and 10: GRPO on think-answers from the image alone, on all of D. After `sft` it is
 * the end of RISE; straight after `make` (or the shared warm-up) it is the Visual-RFT baseline.
 */
export const rft = (options: RftOptions = {}) =>
<A, E, R>(
  self: Pipeline<Order.Before<"rft">, A, E, R>
): Pipeline<"Strengthened", A, E | Fault | StageError, R | Policy | Run> => {
  const stage = "rft"
  // Whatever came before: answers without a reasoning are strengthened as think-answers.
  const form = "think"
  const { groupSize, maxTokens = Settings.lengths.thinkAnswer, temperature } = Settings.filledStage(options)
  const { task } = self
  const score = Reward.r1(task)
  const training = Effect.gen(function*() {
    const [dead, seen, lost] = [GroupRelative.deadInARow(), Learning.memory(), Collapse.memory()]
    const named = (yield* Run).named(stage)
    const { blame, format } = Settings.filled(options)
    if (format > 0) yield* Futile.tellFormless({ named, stage }, task, "format", options)
    else if (blame === "token") yield* Futile.tellFormless({ named, stage }, task, "blame", options)
    const learn = GroupRelative.stepper(named, options, [
      yield* ofFormat(options, PolicyGrammar.ofAnswer(task, form))
    ], dead)
    const grammar = yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofAnswer(task, form))
    const augmented = yield* Augment.make(options)
    yield* Train.train({
      stage,
      settings: options,
      batches: promptBatches(self, stage, options),
      samples: imageIds,
      step: (batch, { key, step, update }) =>
        Effect.gen(function*() {
          const policy = yield* Policy
          const samples = augmented(key, batch)
          const ids = distinctIds(samples.map((sample) => sample.image.id))
          const requests = yield* Effect.forEach(samples, (sample, i) =>
            Effect.map(
              Answer.ask(task, form, sample),
              (prompt) => ({ sample, prompt, key: `${key}/sample=${ids[i]}` })
            ))
          const completions = yield* Effect.scoped(Effect.flatMap(
            policy.session,
            (session) => sampleAll(session, requests, { count: groupSize, maxTokens, temperature, grammar })
          ))
          const scored = yield* Effect.forEach(Array.zip(requests, completions), ([{ sample }, drawn]) =>
            PlugIn.run(task, sample, () =>
              drawn.map(({ text }) => {
                const { reasoning, ...paid } = score({ truth: sample.truth, text, sample })
                return { turn: Reward.turnOf(sample, reasoning), scored: paid }
              })))
          const paid = yield* Judgments.pay(task, scored.flat())
          let at = 0
          const judged = Array.zip(requests, completions).map(([{ prompt }, drawn]) =>
            Array.zip(drawn, paid.slice(at, at += drawn.length)).map(([completion, { reward, verdict }]) => ({
              reward,
              verdict,
              draws: [Group.draw(prompt, completion, { temperature, grammar, maxTokens })]
            }))
          )
          return yield* learn(judged, step, update)
        }),
      watch: Collapse.watch(Learning.watch(options, seen), lost),
      ended: Learning.ended(seen),
      memories: [dead, seen, lost],
      score: Validation.answers(self, stage, {
        form,
        maxTokens,
        grammar: options.grammar,
        samples: options.select?.samples
      })
    })
  })
  return advance(self, {
    stage: "Strengthened",
    form,
    described: [stage, options],
    plan: [Ahead.training(stage, options, (pace) => ({
      each: Settings.filled(options).promptsPerStep * groupSize * Ahead.rollout(options, pace),
      look: pace.drawnAlone
    }))],
    sound: Effect.andThen(sound(self, stage, strengthening, options), Futile.checkMask(stage, task, options.grammar)),
    ready: Effect.andThen(self.ready, Effect.flatMap(Run, (run) => run.trained(stage, training))),
    items: self.data
  })
}
