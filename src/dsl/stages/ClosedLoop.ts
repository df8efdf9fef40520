/**
 * RISE-CoT's closed loop, described: annotation → reasoning → annotation, and what it is worth.
 *
 * Each step composes onto the one before; nothing is sampled until the pipeline's items are pulled or `reinforce`
 * interprets the description under a session of its own.
 */
import { Array, Effect, Result, Stream } from "effect"
import type * as Rules from "../../kernels/math/Rules.ts"
import type { Policy, SampleRequest } from "../../policy/Policy.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import * as Group from "../Group.ts"
import * as Judgments from "../Judgments.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Question from "../Question.ts"
import * as Reward from "../Reward.ts"
import type { Run } from "../Run.ts"
import type { Task } from "../Task.ts"
import { explaining, pass } from "./Explaining.ts"
import * as Futile from "./Futile.ts"
import * as futileIn from "./futileIn.ts"
import * as Order from "./Order.ts"
import {
  type ClosedLoop,
  type Drawn,
  type Fault,
  type Loop,
  pipeable,
  type Pipeline,
  type Stage,
  type Stages
} from "./Pipeline.ts"
import { distinctIds, sampleAll, type SamplingOptions } from "./Sampling.ts"
import * as Settings from "./Settings.ts"
import type { BadSetting } from "./StageError.ts"

const describe = <S extends "Reasoned" | "Reconstructed" | "Validated", A, E, R>(
  self: Pipeline<Stage, A, E, R>,
  stage: S,
  [step, options]: readonly [step: "generate" | "reconstruct" | "validate", options: object],
  drawn: Drawn,
  texts: number,
  own: Effect.Effect<void, BadSetting>,
  loop: Loop<A, Stages<A>[S] & Group.Group<A, Group.Reasoned>>
): ClosedLoop<S, A, E | Fault, R | Policy | Run> => {
  const { described, plan, sound: placed } = Order.behind(step, self)
  const sound = Effect.andThen(placed, own)
  const ready = Effect.andThen(sound, self.ready)
  return pipeable({
    stage,
    task: self.task,
    form: self.form,
    data: self.data,
    validation: self.validation,
    described: [...described, [step, options]],
    plan,
    reading: explaining(texts),
    texts,
    drawn,
    sound,
    ready,
    items: Stream.unwrap(Effect.as(ready, pass("explain", self.data, loop))),
    loop
  })
}

/** Settings of `generate`. */
export interface GenerateOptions extends SamplingOptions {
  /** G, the chains per sample. Default 8. */
  readonly candidates?: number
  /**
   * Whether tags and control tokens are kept out of a chain while it is drawn. Default "off": a chain with one earns
   * nothing.
   */
  readonly grammar?: PolicyGrammar.GrammarMode
}

/** What the options may be. */
export const generating: Rules.Table = {
  ...Settings.drawing,
  candidates: Settings.candidates(1),
  grammar: Settings.grammarMode
}

/**
 * *Reasoning generation*, R_g ~ π(· | I, A): asks the policy why the annotation is right, G times, in words that must
 * not quote it.
 *
 * ```ts
 * Rise.make(task, data).pipe(Rise.generate({ candidates: 8 }))
 * ```
 */
export const generate = (options: GenerateOptions = {}) =>
<A, E, R>(
  self: Pipeline<Order.Before<"generate">, A, E, R>
): ClosedLoop<"Reasoned", A, E | Fault, R | Policy | Run> => {
  const { candidates, maxTokens = Settings.lengths.reasoning, temperature } = Settings.filledStage(options)
  const { task } = self
  const sound = Settings.check("generate", generating, options)
  return describe(
    self,
    "Reasoned",
    ["generate", options],
    { generate: { candidates, temperature } },
    candidates,
    sound,
    ({ key, session }, samples) =>
      Effect.gen(function*() {
        const ids = distinctIds(samples.map((sample) => sample.image.id))
        const requests = yield* Effect.forEach(samples, (sample, i) =>
          PlugIn.encode(task, sample).pipe(
            Effect.flatMap((annotation) => Question.ask(task, "reason", sample, annotation)),
            Effect.map((prompt) => ({ sample, prompt, key: `${key}/sample=${ids[i]}/reason` }))
          ))
        const grammar = yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofReasoning(task.name))
        const completions = yield* sampleAll(session, requests, {
          count: candidates,
          maxTokens,
          temperature,
          grammar
        })
        const how = { temperature, grammar, maxTokens }
        return Array.zip(requests, completions).map(([{ prompt, sample }, drawn]) => ({
          sample,
          candidates: drawn.map((completion) => ({ reasoning: Group.draw(prompt, completion, how) }))
        }))
      })
  )
}

/** Settings of `reconstruct`. */
export interface ReconstructOptions extends SamplingOptions {
  /** Whether the answer's format is enforced while decoding. Default "off". */
  readonly grammar?: PolicyGrammar.GrammarMode
}

/** What the options may be. */
export const reconstructing: Rules.Table = { ...Settings.drawing, grammar: Settings.grammarMode }

/**
 * *Annotation reconstruction*, Â_g ~ π(· | I, R_g): rebuilds the annotation from image and reasoning alone. What the
 * policy writes is untrusted text; whether it is an annotation is for `validate` to say.
 */
export const reconstruct = (options: ReconstructOptions = {}) =>
<A, E, R>(
  self: ClosedLoop<Order.Before<"reconstruct">, A, E, R>
): ClosedLoop<"Reconstructed", A, E | Fault, R | Policy | Run> => {
  const { maxTokens = Settings.lengths.annotation, temperature } = Settings.filledStage(options)
  const { task } = self
  const sound = Effect.all([
    Settings.check("reconstruct", reconstructing, options),
    Futile.checkMask("reconstruct", task, options.grammar),
    // Behind a step that it cannot follow nothing was drawn, which is said first.
    Effect.suspend(() => Futile.checkCandidates({ ...self.drawn.generate, reconstructed: temperature }))
  ], { discard: true })
  return describe(
    self,
    "Reconstructed",
    ["reconstruct", options],
    { ...self.drawn, reconstruct: { temperature } },
    2 * self.texts,
    sound,
    (visit, samples) =>
      Effect.gen(function*() {
        const groups = yield* self.loop(visit, samples)
        const grammar = yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofAnswer(task, "answer"))
        const ids = distinctIds(samples.map((sample) => sample.image.id))
        // A plain loop over all candidates: an effect each would cost half of what the loop itself does.
        const requests: Array<SampleRequest> = []
        for (const [i, { candidates, sample }] of groups.entries()) {
          let g = 0
          for (const { reasoning } of candidates) {
            const text = Question.withoutTags(reasoning.completion.text)
            const prompt = Question.asked(task, "reconstruct", sample, text)
            if (Result.isFailure(prompt)) return yield* prompt.failure
            const key = `${visit.key}/sample=${ids[i]}/candidate=${g++}/reconstruct`
            requests.push({ prompt: prompt.success, key })
          }
        }
        const completions = yield* sampleAll(visit.session, requests, { count: 1, maxTokens, temperature, grammar })
        const how = { temperature, grammar, maxTokens }
        // One of each: `sampleAll` holds the policy to that.
        const rebuilt: Array<Group.Draw> = []
        for (const [{ prompt }, drawn] of Array.zip(requests, completions)) {
          for (const completion of drawn) rebuilt.push(Group.draw(prompt, completion, how))
        }
        let at = 0
        return groups.map(({ candidates, sample }) => ({
          sample,
          candidates: Array.zipWith(
            candidates,
            rebuilt.slice(at, at += candidates.length),
            ({ reasoning }, reconstruction) => ({ reasoning, reconstruction })
          )
        }))
      })
  )
}

/**
 * *Consistency validation*, eq. 1: r_g = S(A, Â_g) · 1{L(R_g, A) = 0 ∧ F(R_g, Â_g) = 1}.
 *
 * @param options switches off parts of the reward for the ablation of the paper's Table 5
 */
export const validate = (options: Reward.Options = {}) =>
<A, E, R>(
  self: ClosedLoop<Order.Before<"validate">, A, E, R>
): ClosedLoop<"Validated", A, E | Fault, R | Policy | Run> => {
  const score = Reward.cot(self.task, options)
  return describe(
    self,
    "Validated",
    ["validate", options],
    self.drawn,
    self.texts,
    Effect.andThen(
      Settings.check("validate", Settings.validating, options),
      Futile.check("validate", futileIn.validating, options)
    ),
    (visit, samples) =>
      Effect.gen(function*() {
        const groups = yield* self.loop(visit, samples)
        const scored = yield* Effect.forEach(groups, ({ candidates, sample }) =>
          PlugIn.run(self.task, sample, () =>
            candidates.map(({ reasoning, reconstruction }) =>
              score({
                truth: sample.truth,
                reasoning: reasoning.completion.text,
                reconstruction: reconstruction.completion.text,
                sample
              })
            )))
        const paid = self.task.judge === undefined
          ? scored
          : yield* judged(self.task, groups, scored)
        return Array.zip(groups, paid).map(([{ candidates, sample }, scored]) => ({
          sample,
          candidates: Array.zipWith(
            candidates,
            scored,
            ({ reasoning, reconstruction }, { reward, verdict }) => ({ reasoning, reconstruction, reward, verdict })
          )
        }))
      })
  )
}

/** What the task's judge makes of scored groups. */
const judged = <A>(
  task: Task<A>,
  groups: ReadonlyArray<Group.Group<A, Group.Reconstructed>>,
  scored: ReadonlyArray<ReadonlyArray<Reward.Scored<A>>>
) =>
  Effect.gen(function*() {
    const candidates = groups.flatMap(({ candidates, sample }, i) =>
      Array.zip(candidates, scored[i] ?? []).map(([{ reasoning }, scored]) => ({
        turn: { ...sample, reasoning: reasoning.completion.text },
        scored
      }))
    )
    const paid = yield* Judgments.pay(task, candidates)
    let at = 0
    return groups.map(({ candidates }) => paid.slice(at, at += candidates.length))
  })
