/**
 * Which settings of an optimiser step an engine heeds: some take the learning rate alone, and say nothing. A text is
 * learned from with and without each setting at a value that nobody could overlook; how far its log-probability has
 * moved tells whether it was looked at.
 */
import { Effect } from "effect"
import { Objective, Policy, type Rollout } from "../../policy/index.ts"
import * as Policies from "../../policy/layers.ts"
import { type Finding, note, ok } from "./Finding.ts"

/** Updates from the same text: advantages and settings of each. */
type Steps = ReadonlyArray<{ readonly advantage: number; readonly weightDecay?: number; readonly clipNorm?: number }>

/** Large enough to be seen through float32, small enough for any model. */
const learningRate = 1e-3

const prompt = { images: [], text: "What is in this picture?" }

/** Nats by which a text's log-probability moves. */
const moved = (options: Policies.TinkerOptions, optimizer: Policies.TinkerOptions["optimizer"], steps: Steps) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    const [[completion] = []] = yield* Effect.scoped(Effect.flatMap(
      policy.session,
      (session) => session.sample([{ prompt, key: "optimiser" }], { count: 1, maxTokens: 8 })
    ))
    if (completion === undefined) return 0
    const score = Effect.scoped(Effect.flatMap(
      policy.session,
      ({ logprobs }) => logprobs([{ prompt, tokens: completion.tokens }])
    )).pipe(Effect.map(([own = new Float32Array(0)]) => own.reduce((sum, logprob) => sum + logprob, 0)))
    const before = yield* score
    yield* policy.beginStage
    for (const { advantage, clipNorm = Infinity, weightDecay = 0 } of steps) {
      const rollout: Rollout = { prompt, completion, advantage }
      yield* policy.update(
        Objective.GroupRelative({
          rollouts: [rollout],
          loss: "grpo",
          clip: { low: 1, high: 1e6 },
          kl: 0,
          innerUpdates: 1,
          maxTokens: 8
        }),
        { learningRate, weightDecay, clipNorm }
      )
    }
    return (yield* score) - before
  }).pipe(
    Effect.provide(Policies.tinker({
      ...options,
      images: "none",
      probe: false,
      ...(optimizer === undefined ? {} : { optimizer })
    }))
  )

/** Less than this part of a movement is noise. */
const telling = 0.03

const words = (names: ReadonlyArray<string>): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`

/** One finding; whatever keeps the trial from coming to an end is none of the model's faults. */
export const heeded = (options: Policies.TinkerOptions): Effect.Effect<Finding> =>
  Effect.gen(function*() {
    const one: Steps = [{ advantage: 1 }]
    const two: Steps = [{ advantage: 1 }, { advantage: 10 }]
    const plain = yield* moved(options, undefined, one)
    const plainly = yield* moved(options, undefined, two)
    const differs = (usual: number, found: number) => Math.abs(found - usual) > telling * Math.abs(usual)
    const trials = [
      // A gradient that is clipped to nothing moves nothing, and neither does one beside a large epsilon.
      ["clipping", plain, moved(options, undefined, [{ advantage: 1, clipNorm: 1e-12 }])],
      ["epsilon", plain, moved(options, { epsilon: 1e3 }, one)],
      ["weight decay", plainly, moved(options, undefined, [{ advantage: 1 }, { advantage: 10, weightDecay: 500 }])],
      ["beta1", plainly, moved(options, { beta1: 0 }, two)],
      ["beta2", plainly, moved(options, { beta2: 0 }, two)]
    ] as const
    const found = yield* Effect.forEach(trials, ([name, usual, trial]) =>
      Effect.map(trial, (nats) => ({ name, heeded: differs(usual, nats) })))
    if (Math.abs(plain) < 1e-6) {
      return note("optimiser", "a step of learning rate 0.001 does not change the model", "see that the engine trains")
    }
    const names = (heeded: boolean) =>
      found.filter((one) => one.heeded === heeded).map(({ name }) => name)
    const ignored = names(false)
    const taken = `takes ${words(["learning rate", ...names(true)])}`
    return ignored.length === 0 ? ok("optimiser", taken) : note(
      "optimiser",
      `${taken}; of ${words(ignored)} it uses values of its own`,
      "set those where the engine is started, where results have to be compared"
    )
  }).pipe(
    Effect.catch(({ message }) =>
      Effect.succeed(note("optimiser", `could not be tried: ${message.replace(/^policy \w+: /, "")}`))
    )
  )
