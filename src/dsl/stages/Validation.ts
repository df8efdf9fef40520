/**
 * How good the current weights are on the validation split: what model selection looks at, the same for every method.
 */
import { Effect, Stream } from "effect"
import { mean } from "../../kernels/math/Spread.ts"
import { Policy } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PolicyGrammar from "../grammar/PolicyGrammar.ts"
import * as Group from "../Group.ts"
import * as Judgments from "../Judgments.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Reward from "../Reward.ts"
import { withoutSplit } from "./Futile.ts"
import * as Guessing from "./Guessing.ts"
import type { Fault, Form, Loop, Pipeline, Stage } from "./Pipeline.ts"
import { Batching, sampleAll } from "./Sampling.ts"
import type { BadSetting } from "./StageError.ts"
import type { Score } from "./Train.ts"

/** Greedy answers to the whole split, scored by the task's first metric or, without one, by the reward. */
export const answers = <A, E, R>(
  self: Pipeline<Stage, A, E, R>,
  stage: string,
  options: {
    readonly maxTokens: number
    /** Default: what the pipeline is trained to write. */
    readonly form?: Form
    readonly grammar?: PolicyGrammar.GrammarMode | undefined
    readonly samples?: number | undefined
  }
): Effect.Effect<Score, E | Fault | BadSetting, R | Policy> =>
  Effect.scoped(Effect.gen(function*() {
    const { task } = self
    const metric = task.metrics?.[0]
    const { prompts } = yield* Batching
    const { form = self.form } = options
    const grammar = yield* PolicyGrammar.where(options.grammar, PolicyGrammar.ofAnswer(task, form))
    const session = yield* (yield* Policy).session
    const answered = yield* self.validation.pipe(
      Stream.take(options.samples ?? Infinity),
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        Effect.forEach(samples, (sample) =>
          Effect.map(
            Answer.ask(task, form, sample),
            (prompt) => ({ prompt, key: `${stage}/validation/sample=${sample.image.id}` })
          )).pipe(
            Effect.flatMap((requests) =>
              sampleAll(session, requests, { count: 1, maxTokens: options.maxTokens, temperature: 0, grammar })
            ),
            Effect.flatMap((completions) =>
              Effect.forEach(samples, (sample, i) =>
                PlugIn.run(task, sample, () => {
                  const text = completions[i]?.[0]?.text ?? ""
                  const { reasoning, ...scored } = Answer.read(task, form, sample.truth, text, sample)
                  return { turn: Reward.turnOf(sample, reasoning), scored }
                }))
            ),
            // A task's metric does not look at rewards: then nobody is asked for them.
            Effect.flatMap((candidates) =>
              Effect.map(
                metric === undefined
                  ? Effect.map(Judgments.pay(task, candidates), (paid) => paid.map(({ reward }) => reward))
                  : Effect.forEach(
                    candidates,
                    ({ scored, turn }) =>
                      PlugIn.run(task, turn, () => PlugIn.figure(task, metric, turn.truth, scored.annotation))
                  ),
                (values) =>
                  candidates.map(({ scored: { annotation }, turn: { truth } }, i) => (
                    { annotation, truth, value: values[i] ?? 0 }
                  ))
              )
            )
          )
      ),
      Stream.flattenIterable,
      Stream.runCollect
    )
    if (answered.length === 0) return yield* withoutSplit(stage)
    const value = mean(answered.map(({ value }) => value))
    if (metric === undefined) return { name: "reward", direction: "higher", value }
    const warning = yield* Guessing.told(task, metric, answered)
    return { name: metric.name, direction: metric.direction, value, ...(warning !== undefined && { warning }) }
  }))

/** Mean reward of the closed loop over the split, always from the same draws. */
export const loop = <A, E, R>(
  self: Pipeline<Stage, A, E, R>,
  stage: string,
  described: Loop<A, Group.Group<A, Group.Validated>>,
  samples?: number
): Effect.Effect<Score, E | Fault | BadSetting, R | Policy> =>
  Effect.scoped(Effect.gen(function*() {
    const { prompts } = yield* Batching
    const session = yield* (yield* Policy).session
    const rewards = yield* self.validation.pipe(
      Stream.take(samples ?? Infinity),
      Stream.grouped(prompts),
      Stream.mapEffect((samples) => described({ session, key: `${stage}/validation` }, samples)),
      Stream.flattenIterable,
      Stream.map((group) => Group.meanReward([group])),
      Stream.runCollect
    )
    if (rewards.length === 0) return yield* withoutSplit(stage)
    return { name: "reward", direction: "higher", value: mean(rewards) }
  }))
