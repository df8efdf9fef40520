/**
 * Whether a base knows a task's format as it is: in how many of its think-answers, and in how many answers that it
 * rebuilds from their reasonings, an annotation can be read. A model that RISE has trained writes the first and may
 * have unlearned the second, which a closed loop lives on.
 */
import { Effect, Option, Result, Schema, Stream } from "effect"
import { Policy } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PlugIn from "../PlugIn.ts"
import * as Question from "../Question.ts"
import * as Reward from "../Reward.ts"
import type { Sample, Task } from "../Task.ts"
import { sampleAll } from "./Sampling.ts"

/** Samples that were asked about; those whose think-answer can be read; of these, those rebuilt from its reasoning. */
export const Readable = Schema.Struct({ asked: Schema.Int, readable: Schema.Int, rebuilt: Schema.Int })

/** Enough to tell half from most, few enough to be asked of any model. */
const few = 16

/** Greedy think-answers of the first samples, and greedy reconstructions from what they thought. */
export const ask = <A, E, R>(
  stage: string,
  task: Task<A>,
  samples: Stream.Stream<Sample<A>, E, R>,
  maxTokens: number
) =>
  Effect.scoped(Effect.gen(function*() {
    const session = yield* (yield* Policy).session
    const greedy = { count: 1, maxTokens, temperature: 0 }
    const asked = yield* Stream.runCollect(Stream.take(samples, few))
    const keyOf = (sample: Sample<A>) => `${stage}/sample=${sample.image.id}/format`
    const requests = yield* Effect.forEach(asked, (sample) =>
      Effect.map(Answer.ask(task, "think", sample), (prompt) => ({ prompt, key: keyOf(sample) })))
    const completions = yield* sampleAll(session, requests, greedy)
    const read = yield* Effect.forEach(asked, (sample, i) =>
      PlugIn.run(task, sample, () => {
        const { annotation, reasoning } = Answer.parse(task, "think", completions[i]?.[0]?.text ?? "")
        return Result.isSuccess(annotation) ? [{ sample, reasoning: Option.getOrUndefined(reasoning) ?? "" }] : []
      }))
    const readable = read.flat()
    const again = yield* Effect.forEach(readable, ({ reasoning, sample }) =>
      Effect.map(
        Question.ask(task, "reconstruct", sample, Question.withoutTags(reasoning)),
        (prompt) => ({ prompt, key: `${keyOf(sample)}/reconstruct` })
      ))
    const written = yield* sampleAll(session, again, greedy)
    const rebuilt = yield* Effect.forEach(
      readable,
      ({ sample }, i) =>
        PlugIn.run(task, sample, () => Reward.readAnswer(task, written[i]?.[0]?.text ?? ""))
    )
    return { asked: asked.length, readable: readable.length, rebuilt: rebuilt.filter(Result.isSuccess).length }
  }))
