/** `warmUp({ keep })`: the base's own writing as examples, so that the warm-up does not unlearn it. */
import { Effect, Result } from "effect"
import * as Keyed from "../../kernels/math/Keyed.ts"
import type { SupervisedExample } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Question from "../Question.ts"
import { Run } from "../Run.ts"
import type { Sample, Task } from "../Task.ts"
import * as ThinkAnswer from "../ThinkAnswer.ts"
import type * as BaseTexts from "./BaseTexts.ts"

/**
 * An example of the base's own writing: its reasoning, or its think-answer with the annotation at weight 0, half and
 * half by a draw keyed by the picture. Where no usable answer was in the format (`readable` 0), the think-answer is
 * made of its reasoning and the true annotation, again at weight 0.
 */
export const example = Effect.fnUntraced(function*<A>(
  stage: string,
  task: Task<A>,
  keep: number,
  sample: Sample<A>,
  { answer, reasoning }: typeof BaseTexts.Written.Type,
  { readable }: typeof BaseTexts.Chains.Type
) {
  const { seed } = yield* Run
  const annotation = yield* PlugIn.encode(task, sample)
  const written = readable === 0 ? Result.succeed({ reasoning, answer: annotation }) : ThinkAnswer.read(answer)
  if (Result.isFailure(written) || Keyed.stream(seed, `${stage}/sample=${sample.image.id}/keep`).next() < 0.5) {
    const prompt = yield* Question.ask(task, "reason", sample, annotation)
    const alone: SupervisedExample = { prompt, target: [{ text: reasoning, weight: keep }] }
    return alone
  }
  const around = ThinkAnswer.segments(written.success.reasoning, { text: written.success.answer, weight: 0 })
  const prompt = yield* Answer.ask(task, "think", sample)
  const whole: SupervisedExample = {
    prompt,
    target: around.map((part) => ({ ...part, weight: keep * part.weight }))
  }
  return whole
})
