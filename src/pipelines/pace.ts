/**
 * How fast this machine draws and trains a model, measured on a few samples of the data at hand.
 */
import { Clock, Effect, Stream } from "effect"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Progress from "../dsl/Progress.ts"
import * as Question from "../dsl/Question.ts"
import type * as Rise from "../dsl/Rise.ts"
import { filled, filledStage, lengths } from "../dsl/stages/Settings.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import * as ThinkAnswer from "../dsl/ThinkAnswer.ts"
import { Objective, Policy } from "../policy/Policy.ts"
import type { Pace } from "./cost.ts"
import type { Preset } from "./Presets.ts"

/**
 * Milliseconds of the fastest of three runs behind a first one, which also builds graphs and opens files: whatever a
 * machine does besides can only slow them down.
 */
const fastest = <A, E, R>(effect: Effect.Effect<A, E, R>, each: Effect.Effect<void>) =>
  Effect.gen(function*() {
    yield* effect
    let least = Infinity
    for (let run = 0; run < timed; run++) {
      yield* each
      const started = yield* Clock.currentTimeMillis
      yield* effect
      least = Math.min(least, (yield* Clock.currentTimeMillis) - started)
    }
    yield* each
    return least
  })

const timed = 3
/** Drawn alone, in groups, and trained. */
const measurements = 3
const stage = "measuring this machine"

/** A reasoning to train on, about half as long as the preset allows: most end sooner than they must. */
const reasoning = (tokens: number): string => "a face with a thing ".repeat(Math.ceil(tokens / 10)).trim()

/** A rate at which nothing is learned: the policy is only timed. */
const idle = { learningRate: 1e-12, weightDecay: 0 } as const

/**
 * Draws and trains a few times on at most 16 samples, with the lengths and batches of the preset. Weights hardly
 * change, but moments do: give it a policy of its own.
 */
export const pace = <A, E, R>(
  task: Task<A>,
  data: Stream.Stream<Sample<A>, E, R>,
  { generate, rft, sft }: Preset
): Effect.Effect<Pace, E | Rise.Fault, R | Policy> =>
  Effect.gen(function*() {
    yield* Progress.report(
      Progress.Event.Started({ stage, total: measurements * (timed + 1), unit: "runs" })
    )
    let step = 0
    const each = Effect.suspend(() =>
      Progress.report(Progress.Event.Step({ stage, step: ++step, tokens: 0, figures: {} }))
    )
    const policy = yield* Policy
    const samples = yield* Stream.runCollect(Stream.take(data, 16))
    const texts = yield* Effect.forEach(samples, (sample) => PlugIn.encode(task, sample))
    // Reasonings: a base that does not know the task's answers ends these, and they are the longer part of any text.
    const requests = yield* Effect.forEach(samples, (sample, i) =>
      Effect.map(
        Question.ask(task, "reason", sample, texts[i] ?? ""),
        (prompt) => ({ prompt, key: `pace/sample=${sample.image.id}` })
      ))
    const { maxTokens = lengths.thinkAnswer } = rft
    const { groupSize: count } = filledStage(rft)
    const few = requests.slice(0, filled(rft).promptsPerStep)
    const drawing = (of: typeof requests, count: number) =>
      fastest(
        Effect.scoped(Effect.flatMap(policy.session, (session) => session.sample(of, { count, maxTokens }))),
        each
      )
    const alone = yield* drawing(requests, 1)
    const grouped = yield* drawing(few, count)
    const chain = reasoning(generate.maxTokens ?? lengths.reasoning)
    const examples = requests.slice(0, filledStage(sft).batchSize).map(({ prompt }, i) => ({
      prompt,
      target: ThinkAnswer.segments(chain, { text: texts[i] ?? "", weight: 1 })
    }))
    yield* policy.beginStage
    const learning = yield* fastest(policy.update(Objective.Supervised({ examples }), idle), each)
    yield* policy.endStage
    yield* Progress.report(Progress.Event.Finished({ stage, note: "" }))
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
