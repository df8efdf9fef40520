/**
 * How good the current weights are on the validation split: what model selection looks at, the same for every method.
 */
import { Effect, Option, Result, Stream } from "effect"
import { type Completion, Policy } from "../../policy/Policy.ts"
import * as Group from "../Group.ts"
import * as Question from "../Question.ts"
import type { MissingQuestion } from "../Question.ts"
import * as Reward from "../Reward.ts"
import type { Sample, Task } from "../Task.ts"
import type { Fault, Form, Loop, Pipeline, Stage } from "./Pipeline.ts"
import { Batching, grammarOf, type Masking, sampleAll } from "./Sampling.ts"
import { BadSetting } from "./StageError.ts"
import type { Score } from "./Train.ts"

/** What a policy is asked for an annotation in each form, with the sample's question where the task asks one. */
export const promptOf = <A>(task: Task<A>, form: Form, sample: Pick<Sample<A>, "image" | "question">): Effect.Effect<string, MissingQuestion> =>
  Question.ask(task, form === "think" ? "annotate" : "answerOnly", sample)

/**
 * What a completion says in a form. Reasoning that a server keeps apart is what a think-answer begins with; a bare answer
 * stays one, and a text that thinks by itself is left as it is.
 */
export const saidIn = (form: Form, { reasoning, text }: Pick<Completion, "reasoning" | "text">): string => {
  if (form === "answer" || text === "" || reasoning === undefined || /<\/?think>/.test(text)) return text
  // Thoughts often quote the format that is asked for: only the answer's own tags count.
  const thought = reasoning.replace(/<\/?(?:think|answer)>/g, " ").trim()
  if (thought === "") return text
  return text.includes("<answer>") ? `<think>${thought}</think>${text}` : Reward.writeThinkAnswer(thought, text)
}

/** A text read in its form: the annotation if it has one, and what it earns (eq. 9; S alone for a bare answer). */
export const read = <A>(task: Task<A>, form: Form, truth: A, text: string): Reward.ScoredThinkAnswer<A> => {
  if (form === "think") return Reward.r1(task)({ truth, text })
  const decoded = Reward.readAnswer(task, text)
  return {
    reward: Result.match(decoded, { onFailure: () => 0, onSuccess: (annotation) => task.similarity(truth, annotation) }),
    verdict: Result.isSuccess(decoded) ? "ok" : "format-annotation",
    detail: Result.getFailure(decoded),
    annotation: Result.getSuccess(decoded),
    reasoning: Option.none()
  }
}

const nothing = (stage: string) =>
  new BadSetting({
    stage,
    setting: "select",
    value: "given without a validation split",
    expected: "Rise.make(task, data, { validation: 0.1 }), with enough data that the share is not empty"
  })

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Greedy answers to the whole split, scored by the task's first metric or, without one, by the reward. */
export const answers = <A, E, R>(
  self: Pipeline<Stage, A, E, R>,
  stage: string,
  options: { readonly maxTokens: number; readonly grammar?: Masking | undefined; readonly samples?: number | undefined }
): Effect.Effect<Score, E | Fault | BadSetting, R | Policy> =>
  Effect.scoped(Effect.gen(function*() {
    const { task } = self
    const metric = task.metrics?.[0]
    const { prompts } = yield* Batching
    const { form } = self
    const grammar = yield* grammarOf(task, options.grammar, form)
    const session = yield* (yield* Policy).session
    const values = yield* self.validation.pipe(
      Stream.take(options.samples ?? Infinity),
      Stream.grouped(prompts),
      Stream.mapEffect((samples) =>
        Effect.forEach(samples, (sample) =>
          Effect.map(promptOf(task, form, sample), (text) => ({
            prompt: { images: [sample.image], text },
            key: `${stage}/validation/sample=${sample.image.id}`
          }))).pipe(
          Effect.flatMap((requests) => sampleAll(session, requests, { count: 1, maxTokens: options.maxTokens, temperature: 0, grammar })),
          Effect.map((completions) =>
          samples.map(({ truth }, i) => {
            const { annotation, reward } = read(task, form, truth, completions[i]?.[0]?.text ?? "")
            return metric === undefined ? reward : metric.of(truth, annotation)
          })
        ))
      ),
      Stream.flattenIterable,
      Stream.runCollect
    )
    if (values.length === 0) return yield* nothing(stage)
    return { name: metric?.name ?? "reward", direction: metric?.direction ?? "higher", value: mean(values) }
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
    if (rewards.length === 0) return yield* nothing(stage)
    return { name: "reward", direction: "higher", value: mean(rewards) }
  }))
