/**
 * Whether a base knows a task's format as it is: how many of its think-answers can be read.
 */
import { Effect, Result, Schema, Stream } from "effect"
import { Policy } from "../../policy/Policy.ts"
import * as Answer from "../Answer.ts"
import * as PlugIn from "../PlugIn.ts"
import type { Sample, Task } from "../Task.ts"
import { sampleAll } from "./Sampling.ts"

/** Think-answers that were asked for, and those in the task's format. */
export const Readable = Schema.Struct({ asked: Schema.Int, readable: Schema.Int })

/** Enough to tell half from most, few enough to be asked of any model. */
const few = 16

/** Greedy think-answers of the first samples. */
export const ask = <A, E, R>(
  stage: string,
  task: Task<A>,
  samples: Stream.Stream<Sample<A>, E, R>,
  maxTokens: number
) =>
  Effect.scoped(Effect.gen(function*() {
    const session = yield* (yield* Policy).session
    const asked = yield* Stream.runCollect(Stream.take(samples, few))
    const requests = yield* Effect.forEach(asked, (sample) =>
      Effect.map(
        Answer.ask(task, "think", sample),
        (prompt) => ({ prompt, key: `${stage}/sample=${sample.image.id}/format` })
      ))
    const completions = yield* sampleAll(session, requests, { count: 1, maxTokens, temperature: 0 })
    const read = yield* Effect.forEach(asked, (sample, i) =>
      PlugIn.run(task, sample, () =>
        Answer.parse(task, "think", completions[i]?.[0]?.text ?? "").annotation))
    return { asked: asked.length, readable: read.filter(Result.isSuccess).length }
  }))
