/**
 * How fast this machine draws and trains a model, measured on a few samples of the data at hand.
 */
import { Clock, Effect, Stream } from "effect"
import * as Answer from "../dsl/Answer.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import type * as Rise from "../dsl/Rise.ts"
import { filled, filledStage, lengths } from "../dsl/stages/Settings.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import * as ThinkAnswer from "../dsl/ThinkAnswer.ts"
import { Objective, Policy } from "../policy/Policy.ts"
import type { Pace } from "./cost.ts"
import type { Preset } from "./Presets.ts"

/** Milliseconds of the second of two runs: the first also builds graphs and opens files. */
const second = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    yield* effect
    const started = yield* Clock.currentTimeMillis
    yield* effect
    return (yield* Clock.currentTimeMillis) - started
  })

/** A reasoning of about the length that the preset allows, to train on. */
const reasoning = (tokens: number): string => "a face with a thing ".repeat(Math.ceil(tokens / 5)).trim()

/** A rate at which nothing is learned: the policy is only timed. */
const idle = { learningRate: 1e-12, weightDecay: 0 } as const

/**
 * Draws and trains twice on at most 16 samples, with the lengths and batches of the preset. The weights hardly change,
 * but moments do: give it a policy of its own.
 */
export const pace = <A, E, R>(
  task: Task<A>,
  data: Stream.Stream<Sample<A>, E, R>,
  { generate, rft, sft }: Preset
): Effect.Effect<Pace, E | Rise.Fault, R | Policy> =>
  Effect.gen(function*() {
    const policy = yield* Policy
    const samples = yield* Stream.runCollect(Stream.take(data, 16))
    const requests = yield* Effect.forEach(samples, (sample) =>
      Effect.map(Answer.ask(task, "think", sample), (prompt) => ({ prompt, key: `pace/sample=${sample.image.id}` })))
    const { maxTokens = lengths.thinkAnswer } = rft
    const { groupSize: count } = filledStage(rft)
    const few = requests.slice(0, filled(rft).promptsPerStep)
    const drawing = (of: typeof requests, count: number) =>
      second(Effect.scoped(Effect.flatMap(policy.session, (session) =>
        session.sample(of, { count, maxTokens }))))
    const alone = yield* drawing(requests, 1)
    const grouped = yield* drawing(few, count)
    const examples = yield* Effect.forEach(samples.slice(0, filledStage(sft).batchSize), (sample, i) =>
      Effect.map(
        PlugIn.run(task, sample, () =>
          task.encode(sample.truth)),
        (text) => ({
          prompt: requests[i]?.prompt ?? { images: [], text: "" },
          target: ThinkAnswer.segments(reasoning(generate.maxTokens ?? lengths.reasoning), { text, weight: 1 })
        })
      ))
    yield* policy.beginStage
    const learning = yield* second(policy.update(Objective.Supervised({ examples }), idle))
    yield* policy.endStage
    const drawnAlone = alone / requests.length
    const trained = learning / examples.length
    return {
      drawnAlone,
      drawnInGroup: grouped / (few.length * count),
      trained,
      // Drawn, then read twice: once for what the grammar allows, once backwards.
      practised: drawnAlone + 1.6 * trained
    }
  })
