/** The clipped surrogate as the policy hands it to its graph, and what a stage begins with. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Objective, OnnxPolicy, Policy, type Rollout } from "../../../src/policy/index.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"
import { digest, weights } from "./weights.ts"

const runtime = sharing()

const layer = OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5 }).pipe(
  Layer.provide(runtime(2)),
  Layer.provideMerge(NodeServices.layer)
)

const drawn = Effect.gen(function*() {
  const policy = yield* Policy
  return yield* Effect.scoped(
    Effect.flatMap(
      policy.session,
      (session) =>
        session.sample(prompts.map((prompt, i) => ({ prompt, key: `surrogate/${i}` })), { count: 2, maxTokens: 8 })
    )
  )
})

const still = { learningRate: 0, weightDecay: 0 }
const grpo = { loss: "grpo", clip: { low: 0.1, high: 0.5 }, kl: 0, innerUpdates: 1, maxTokens: 8 } as const

describe("the clipped surrogate", () => {
  it.effect(
    "is bounded above by 1 + high where the advantage is positive, below by 1 - low where it is negative",
    () =>
      Effect.gen(function*() {
        const policy = yield* Policy
        const groups = yield* drawn
        /** Rollouts whose tokens are `ratio` times as likely now as they were. */
        const loss = (ratio: number, advantage: number) =>
          policy.update(
            Objective.GroupRelative({
              ...grpo,
              rollouts: groups.flatMap((group, i) =>
                group.map((completion): Rollout => ({
                  prompt: prompts[i]!,
                  advantage,
                  completion: {
                    ...completion,
                    logprobs: completion.logprobs.map((logprob) => logprob - Math.log(ratio))
                  }
                }))
              )
            }),
            still
          )
        for (
          const [ratio, advantage, expected, clipped] of [
            [1.3, 1, -1.3, 0],
            [1.8, 1, -1.5, 1],
            [0.95, -1, 0.95, 0],
            [0.7, -1, 0.9, 1],
            [1.3, -1, 1.3, 0],
            [0.7, 1, -0.7, 0]
          ] as const
        ) {
          const stats = yield* loss(ratio, advantage)
          assert.closeTo(stats.loss, expected, 1e-3, `${ratio} ${advantage}`)
          assert.closeTo(stats.clipFraction, clipped, 1e-6, `${ratio} ${advantage}`)
        }
      }).pipe(Effect.provide(layer)),
    300_000
  )
})

describe("a stage", () => {
  it.effect("begins with fresh moments, whatever was trained before", () =>
    Effect.gen(function*() {
      const policy = yield* Policy
      const lesson = (text: string) =>
        policy.update(Objective.Supervised({ examples: [{ prompt: prompts[0]!, target: [{ text, weight: 1 }] }] }), {
          learningRate: 1e-3
        })
      yield* policy.beginStage
      yield* lesson("A smiling face")
      const between = yield* policy.snapshot
      yield* policy.beginStage
      yield* lesson("A crying face")
      const begun = digest(yield* weights)
      yield* policy.revert(between)
      yield* lesson("A crying face")
      assert.strictEqual(begun, digest(yield* weights))
      // Moments that stay lead elsewhere: the test can tell.
      yield* policy.revert(between)
      yield* lesson("A smiling face")
      yield* lesson("A crying face")
      assert.notStrictEqual(begun, digest(yield* weights))
    }).pipe(Effect.provide(layer)), 60_000)
})
