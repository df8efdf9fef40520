/** What the policy is told is looked at before anything is computed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Objective, Policy, type UpdateOptions } from "../../../src/policy/index.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"
import { draw, runOn, untouched, update } from "./poison.ts"

const run = runOn(sharing()(2))

describe("updates", () => {
  it.effect(
    "are refused for settings and numbers that mean nothing, before anything is computed",
    () =>
      run(
        Effect.gen(function*() {
          const policy = yield* Policy
          const [prompt] = prompts
          const completion = (yield* draw({ count: 1, maxTokens: 4 }))[0]![0]!
          const rollout = { prompt: prompt!, completion, advantage: 1 }
          const grpo = {
            rollouts: [rollout],
            loss: "grpo",
            clip: { low: 0.2, high: 0.2 },
            kl: 0,
            innerUpdates: 1,
            maxTokens: 8
          } as const
          const supervised = (weight: number) =>
            Objective.Supervised({ examples: [{ prompt: prompt!, target: [{ text: "a red face", weight }] }] })
          const refused: ReadonlyArray<readonly [Objective, Partial<UpdateOptions>, string]> = [
            ...[NaN, Infinity, -1, 10].map(
              (learningRate) =>
                [
                  supervised(1),
                  { learningRate },
                  `learningRate is ${learningRate}, expected a number from 0 and below 10`
                ] as const
            ),
            [supervised(1), { weightDecay: NaN }, "weightDecay is NaN, expected a number from 0"],
            [supervised(1), { clipNorm: 0 }, "clipNorm is 0, expected a number above 0, or Infinity"],
            [supervised(NaN), {}, "example 0: weight is NaN, expected a number from 0"],
            [supervised(-1), {}, "example 0: weight is -1, expected a number from 0"],
            [supervised(0), {}, "nothing to learn from: every target weighs 0"],
            [Objective.GroupRelative({ ...grpo, kl: NaN }), {}, "kl is NaN, expected a number from 0"],
            [
              Objective.GroupRelative({ ...grpo, clip: { low: 2, high: 0.2 } }),
              {},
              "clip.low is 2, expected a number in [0, 1]"
            ],
            [
              Objective.GroupRelative({ ...grpo, clip: { low: 0.2, high: NaN } }),
              {},
              "clip.high is NaN, expected a number from 0"
            ],
            [
              Objective.GroupRelative({ ...grpo, innerUpdates: 1.5 }),
              {},
              "innerUpdates is 1.5, expected a whole number from 1"
            ],
            [Objective.GroupRelative({ ...grpo, maxTokens: 0 }), {}, "maxTokens is 0, expected a whole number from 1"],
            [
              Objective.GroupRelative({ ...grpo, loss: "ppo" as "grpo" }),
              {},
              `loss is "ppo", expected "grpo" or "dr_grpo" or "dapo" or "gspo" or "cispo" or "sapo"`
            ],
            [
              Objective.GroupRelative({ ...grpo, klEstimator: "k2" as "k3" }),
              {},
              `klEstimator is "k2", expected "k3" or "k1" or "k3-corrected"`
            ],
            [Objective.GroupRelative({ ...grpo, entropy: -1 }), {}, "entropy is -1, expected a number from 0"],
            [
              Objective.GroupRelative({ ...grpo, loss: "sapo", gate: { positive: 0, negative: 1 } }),
              {},
              "gate.positive is 0, expected a number above 0"
            ],
            [
              Objective.GroupRelative({
                ...grpo,
                maskTruncated: true,
                rollouts: [{ ...rollout, completion: { ...completion, finish: "length" } }]
              }),
              {},
              "nothing to learn from: every rollout was cut off, and maskTruncated leaves those out"
            ],
            [
              Objective.GroupRelative({ ...grpo, rollouts: [{ ...rollout, advantage: NaN }] }),
              {},
              "rollout 0: advantage is NaN, expected a number"
            ],
            [
              Objective.GroupRelative({ ...grpo, rollouts: [rollout, { ...rollout, temperature: 0 }] }),
              {},
              "rollout 1: temperature is 0, expected a number from 0.00001 to 100: a greedy choice"
            ],
            [
              Objective.GroupRelative({
                ...grpo,
                rollouts: [{ ...rollout, completion: { ...completion, tokens: completion.tokens.map(() => -1) } }]
              }),
              {},
              "rollout 0: token 0 is -1"
            ],
            [
              Objective.GroupRelative({
                ...grpo,
                rollouts: [{ ...rollout, completion: { ...completion, logprobs: new Float32Array(0) } }]
              }),
              {},
              "rollout 0: 0 log-probabilities for 4 tokens"
            ],
            [
              Objective.GroupRelative({
                ...grpo,
                rollouts: [{ ...rollout, completion: { ...completion, logprobs: Float32Array.of(0, 0, NaN, 0) } }]
              }),
              {},
              "rollout 0: log-probability 2 is NaN"
            ]
          ]
          for (const [objective, options, says] of refused) {
            const error = yield* untouched(policy.update(objective, { ...update, ...options }))
            assert.include(error.message, `policy update: ${says.startsWith("nothing") ? "there is " : ""}${says}`)
          }
        })
      ),
    300_000
  )
})

describe("a limit of tokens beyond the model's positions", () => {
  it.effect("names the request, whose key begins with its stage, and the setting to lower", () =>
    run(Effect.gen(function*() {
      const { message } = yield* Effect.flip(draw({ count: 1, maxTokens: 100_000 }))
      assert.match(
        message,
        /^policy sample: test\/0: a prompt of .*, 100000 to follow exceeds .*; lower maxTokens to \d{2,} or less, or /
      )
      const [, room = ""] = /lower maxTokens to (\d+)/.exec(message) ?? []
      assert.match(message, new RegExp(`by ${100_000 - Number(room)};`))
    })))
})

describe("options", () => {
  for (
    const [options, says] of [
      [{ seed: NaN }, "seed is NaN, expected a whole number"],
      [{ microBatch: 0 }, "microBatch is 0, expected a whole number from 1"],
      [{ microTokens: 1.5 }, "microTokens is 1.5, expected a whole number from 1"],
      [{ rolloutRows: NaN }, "rolloutRows is NaN, expected a whole number from 1"],
      [{ packFrom: [0, NaN] }, "packFrom.1 is NaN, expected a number from 0, or Infinity"],
      [{ optimizer: { beta1: 1 } }, "optimizer.beta1 is 1, expected a number in [0, 1)"],
      [{ optimizer: { epsilon: 0 } }, "optimizer.epsilon is 0, expected a number from 1e-16 to 1"],
      [
        { plan: { promptTokens: 8, newTokens: 8, prompts: 1, group: 1, limit: NaN } },
        "plan.limit is NaN, expected a number above 0, or Infinity"
      ],
      [{ lora: { rank: 1e12 } }, "lora.rank is 1000000000000, expected a whole number from 1 to"],
      [{ lora: { alpha: NaN } }, "lora.alpha is NaN, expected a number above 0"],
      [{ lora: { dropout: 1 } }, "lora.dropout is 1, expected a number in [0, 1)"],
      [{ lora: { adapter: "anywhere", dropout: NaN } }, "lora.dropout is NaN, expected a number in [0, 1)"]
    ] as const
  ) {
    it.effect(`are refused: ${says}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(run(Policy, options))
        assert.include((error as Error).message, `policy load: ${says}`)
      }))
  }
})
