/** Losses that an engine computes itself: taken where they are ours to the digit, and a pass is saved. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Policy, Rollout } from "../../../src/policy/index.ts"
import { engines, recorded, reinforce, remote, supervise, update } from "./engines.ts"

/** Objectives that the protocol has a loss for. */
const expressible = (rollouts: ReadonlyArray<Rollout>) => ({
  "supervised, weighted": supervise(rollouts),
  "grpo, two prompts": reinforce(rollouts),
  dr_grpo: reinforce(rollouts, { loss: "dr_grpo", clip: { low: 0.1, high: 0.3 } }),
  "dapo, clipped": reinforce(rollouts, { loss: "dapo", clip: { low: 0.02, high: 0.03 }, innerUpdates: 2 }),
  "grpo, draws of another policy": reinforce(rollouts.map((rollout) => ({
    ...rollout,
    importance: Float32Array.from(rollout.completion.tokens, (_, k) => [0, 1, 0.25, 2][k % 4] ?? 1)
  })))
})

/** Objectives that it has none for, or none that is the same to the digit. */
const inexpressible = (rollouts: ReadonlyArray<Rollout>) => ({
  "a penalty": reinforce(rollouts, { kl: 0.1 }),
  "a bound of 1 below": reinforce(rollouts, { clip: { low: 0, high: 0.2 } }),
  "a bound of 1 above": reinforce(rollouts, { clip: { low: 0.2, high: 0 } }),
  "a ratio of sequences": reinforce(rollouts, { loss: "gspo" }),
  "a weight": reinforce(rollouts, { loss: "cispo" }),
  "a gate": reinforce(rollouts, { loss: "sapo" })
})

const scores = (policy: Policy["Service"], rollouts: ReadonlyArray<Rollout>) =>
  Effect.scoped(
    Effect.flatMap(policy.session, (session) =>
      session.logprobs(rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens }))))
  )

describe("losses of an engine's own", () => {
  layer(engines, { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect(
      "give what the general form gives, and save its forward pass; others go the general way",
      () =>
        Effect.gen(function*() {
          for (const served of [{}, { mean: "sequence" as const, limit: { data: 5, bytes: 1e6 } }]) {
            const exact = yield* remote({ reference: "stage" }, served)
            const general = yield* remote({ reference: "stage" }, { ...served, losses: ["importance_sampling"] })
            assert.deepStrictEqual(exact.connection.losses, ["cross_entropy", "ppo"])
            assert.deepStrictEqual(general.connection.losses, [])
            assert.strictEqual(exact.connection.normaliser, general.connection.normaliser)
            const rollouts = (yield* recorded(general.policy)).slice(0, 9)
            for (const { policy } of [exact, general]) yield* policy.beginStage
            const passes = ({ engine }: typeof exact) => engine.requests.filter((path) => path === "forward_backward")
            for (const [name, objective] of Object.entries(expressible(rollouts))) {
              const before = [exact, general].map((one) => passes(one).length)
              exact.engine.trainedBy.length = 0
              const here = yield* exact.policy.update(objective, update)
              const there = yield* general.policy.update(objective, update)
              for (const figure of ["loss", "gradNorm", "clipFraction", "kl"] as const) {
                assert.approximately(
                  here[figure]!,
                  there[figure]!,
                  1e-4 * Math.max(1, there[figure]!),
                  `${name}: ${figure}`
                )
              }
              const lossFn = objective._tag === "Supervised" ? "cross_entropy" : "ppo"
              assert.deepStrictEqual([...new Set(exact.engine.trainedBy)], [lossFn], name)
              const [own, both] = [exact, general].map((one, i) => passes(one).length - before[i]!)
              assert.strictEqual(2 * own!, both, name)
            }
            const [a, b] = [yield* scores(exact.policy, rollouts), yield* scores(general.policy, rollouts)]
            a.forEach((values, i) => values.forEach((value, k) => assert.approximately(value, b[i]![k]!, 1e-3)))
            for (const [name, objective] of Object.entries(inexpressible(rollouts))) {
              exact.engine.trainedBy.length = 0
              yield* exact.policy.update(objective, update)
              assert.deepStrictEqual([...new Set(exact.engine.trainedBy)], ["importance_sampling"], name)
            }
          }
        }).pipe(Effect.scoped),
      400_000
    )

    it.effect("are measured: one that an engine computes in another way is not taken", () =>
      Effect.gen(function*() {
        const losses = (served: Parameters<typeof remote>[1], options = {}) =>
          Effect.map(remote(options, served), ({ connection }) => connection.losses)
        assert.deepStrictEqual(yield* losses({ odd: "ppo" }), ["cross_entropy"])
        assert.deepStrictEqual(yield* losses({ odd: "cross_entropy", spelling: "json" }), ["ppo"])
        assert.deepStrictEqual(yield* losses({ silent: true }), [])
        assert.deepStrictEqual(yield* losses({}, { probe: false }), [])
      }).pipe(Effect.scoped), 240_000)
  })
})
