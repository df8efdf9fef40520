/**
 * The policy at an engine against the local one: the same objectives on the same rollouts, with the embedded checkpoint
 * on both sides, give the same figures and the same gradients.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Safetensors } from "../../../src/kernels/weights/index.ts"
import type { Policy, Rollout } from "../../../src/policy/index.ts"
import { engines, Local, local, recorded, reinforce, remote, supervise, update } from "./engines.ts"

/** Two programs round differently, and every step makes more of it: the greater, the sooner they part. */
const slow = { ...update, learningRate: 1e-4 }

/** As if they had been drawn by another policy: some of their ratios are far from 1. */
const moved = (rollouts: ReadonlyArray<Rollout>) =>
  rollouts.map((rollout, i) => ({
    ...rollout,
    completion: {
      ...rollout.completion,
      logprobs: rollout.completion.logprobs.map((logprob, k) => logprob + ([0.4, -0.3, 0.1, -0.6][(i + k) % 4] ?? 0))
    }
  }))

const objectives = (rollouts: ReadonlyArray<Rollout>) => ({
  "supervised, weighted": supervise(rollouts),
  "grpo, two prompts": reinforce(rollouts),
  "grpo with a reference": reinforce(rollouts, { kl: 0.1 }),
  dr_grpo: reinforce(rollouts, { loss: "dr_grpo" }),
  "grpo, draws of another policy": reinforce(rollouts.map((rollout) => ({
    ...rollout,
    importance: Float32Array.from(rollout.completion.tokens, (_, k) => [1, 0.25, 0, 2][k % 4] ?? 1)
  }))),
  "dapo, clipped": reinforce(rollouts, { loss: "dapo", clip: { low: 0.05, high: 0.1 }, innerUpdates: 2 }),
  "grpo, k1": reinforce(rollouts, { kl: 0.1, klEstimator: "k1" }),
  "dapo, masked": reinforce(rollouts, { loss: "dapo", maskTruncated: true }),
  gspo: reinforce(moved(rollouts), { loss: "gspo", clip: { low: 0.05, high: 0.1 }, innerUpdates: 2 }),
  "gspo with a reference, masked": reinforce(moved(rollouts), {
    loss: "gspo",
    clip: { low: 0.2, high: 0.2 },
    kl: 0.1,
    klEstimator: "k3-corrected",
    maskTruncated: true
  }),
  cispo: reinforce(moved(rollouts), { loss: "cispo", clip: { low: 0.1, high: 0.2 }, innerUpdates: 2 }),
  sapo: reinforce(moved(rollouts), { loss: "sapo", gate: { positive: 1, negative: 3 }, innerUpdates: 2 })
})

const cosine = (a: Float32Array, b: Float32Array): number => {
  let [ab, aa, bb] = [0, 0, 0]
  a.forEach((value, i) => {
    ab += value * b[i]!
    aa += value * value
    bb += b[i]! * b[i]!
  })
  return ab / Math.sqrt(aa * bb)
}

/** The first moment after one step from fresh ones is the clipped gradient times 1 − β₁. */
const momentOf = (policy: Policy["Service"]) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* policy.checkpoint(directory)
    const header = yield* Safetensors.readHeader((yield* Path.Path).join(directory, "state.safetensors"))
    const length = header.tensors.get("firstMoment")?.shape[0] ?? 0
    return yield* Safetensors.readFloat32(header, "firstMoment", new Float32Array(length))
  }).pipe(Effect.provide(NodeServices.layer))

describe("Policy.tinker", () => {
  layer(Layer.merge(engines, local), { timeout: 120_000, excludeTestServices: true })((it) => {
    it.effect("learns as the local policy does: ten updates of every objective", () =>
      Effect.gen(function*() {
        const policy = yield* Local
        const rollouts = yield* recorded(policy)
        const begun = yield* policy.snapshot
        for (const [name, objective] of Object.entries(objectives(rollouts))) {
          const { policy: far } = yield* remote({ reference: "stage" })
          yield* policy.revert(begun)
          yield* policy.beginStage
          yield* far.beginStage
          const inner = objective._tag === "Supervised" ? 1 : objective.innerUpdates
          for (let step = 1; step <= 10 / inner; step++) {
            const here = yield* policy.update(objective, slow)
            const there = yield* far.update(objective, slow)
            for (const figure of ["loss", "kl", "clipFraction", "gradNorm"] as const) {
              const [a = NaN, b = NaN] = [here[figure], there[figure]]
              assert.isBelow(
                Math.abs(a - b),
                1e-4 * Math.max(1, Math.abs(a)),
                `${name}, step ${step}: ${figure} ${a} ${b}`
              )
            }
            assert.strictEqual(here.tokens, there.tokens)
            for (const figure of ["mean", "max", "low", "high"] as const) {
              const [a = 0, b = 0] = [here.ratios?.[figure], there.ratios?.[figure]]
              assert.isBelow(
                Math.abs(a - b),
                1e-3 * Math.max(1, a),
                `${name}, step ${step}: ratios ${figure} ${a} ${b}`
              )
            }
            assert.strictEqual(here.ratios === undefined, objective._tag === "Supervised", name)
            assert.strictEqual(there.ratios === undefined, objective._tag === "Supervised", name)
          }
          yield* policy.endStage
        }
        yield* policy.revert(begun)
      }).pipe(Effect.scoped), 600_000)

    it.effect("sends the gradient of every objective, whatever the engine divides by", () =>
      Effect.gen(function*() {
        const policy = yield* Local
        const rollouts = yield* recorded(policy)
        const begun = yield* policy.snapshot
        for (const served of [{}, { mean: "sequence" as const, limit: { data: 3, bytes: 1e6 } }]) {
          for (const [name, objective] of Object.entries(objectives(rollouts))) {
            const { connection, engine, policy: far } = yield* remote({ reference: "stage" }, served)
            yield* policy.revert(begun)
            yield* policy.beginStage
            yield* far.beginStage
            const once = objective._tag === "Supervised" ? objective : { ...objective, innerUpdates: 1 }
            yield* policy.update(once, update)
            yield* far.update(once, update)
            const moments = [...engine.models.values()].at(0)?.held.moments.firstMoment

            const found = cosine(yield* momentOf(policy), moments ?? new Float32Array(0))
            assert.isAtLeast(found, 0.9999, `${name}, ${JSON.stringify(served)}, ${connection.normaliser}`)
            yield* policy.endStage
          }
        }
        yield* policy.revert(begun)
      }).pipe(Effect.scoped), 600_000)
  })
})
