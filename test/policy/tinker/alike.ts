/** The policy at an engine beside the local one, update by update. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Policy, type Rollout, TinkerPolicy } from "../../../src/policy/index.ts"
import { Local, recorded, reinforce, remote, supervise, update } from "./engines.ts"

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

/** Every kind of objective, over the same rollouts. */
export const objectives = (rollouts: ReadonlyArray<Rollout>) => ({
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

/** One of `objectives`. */
export type Name = keyof ReturnType<typeof objectives>

/** How many updates are compared: where ratios run far from 1, rounding soon tells two programs apart. */
export const steps: Readonly<Record<Name, number>> = {
  "supervised, weighted": 10,
  "grpo, two prompts": 10,
  "grpo with a reference": 10,
  dr_grpo: 10,
  "grpo, draws of another policy": 10,
  "dapo, clipped": 10,
  "grpo, k1": 3,
  "dapo, masked": 3,
  gspo: 4,
  "gspo with a reference, masked": 3,
  cispo: 4,
  sapo: 4
}

/** The weights as they are, which are there again when the test is over, however it ends. */
const begun = (policy: Policy["Service"]) =>
  Effect.acquireRelease(policy.snapshot, (snapshot) => Effect.orDie(policy.revert(snapshot)))

const known = new WeakMap<Policy["Service"], ReadonlyArray<Rollout>>()

/** What the policy draws from the weights that it was opened with, which every test begins with: drawn once. */
const begunWith = (policy: Policy["Service"]) =>
  Effect.suspend(() => {
    const drawn = known.get(policy)
    return drawn === undefined
      ? Effect.tap(recorded(policy), (rollouts) => Effect.sync(() => void known.set(policy, rollouts)))
      : Effect.succeed(drawn)
  })

/** What probing has told of engines that are served alike. */
const probed = new Map<string, TinkerPolicy.Known>()

/** What every test of an objective begins with. */
export const opened = Effect.fnUntraced(function*(name: Name, served: Parameters<typeof remote>[1] = {}) {
  const policy = yield* Local
  const objective = objectives(yield* begunWith(policy))[name]
  yield* begun(policy)
  const kind = JSON.stringify(served)
  const measured = probed.get(kind) ?? TinkerPolicy.unknown()
  probed.set(kind, measured)
  const far = yield* remote({ reference: "stage" }, served, measured)
  yield* policy.beginStage
  yield* far.policy.beginStage
  return { policy, objective, far }
})

/** Both policies learn from an objective, from the same weights; their figures are the same after each update. */
export const learnsAlike = (name: Name, updates: number) =>
  Effect.gen(function*() {
    const { far, objective, policy } = yield* opened(name)
    const inner = objective._tag === "Supervised" ? 1 : objective.innerUpdates
    for (let step = 1; step <= updates / inner; step++) {
      const here = yield* policy.update(objective, slow)
      const there = yield* far.policy.update(objective, slow)
      for (const figure of ["loss", "kl", "clipFraction", "gradNorm"] as const) {
        const [a = NaN, b = NaN] = [here[figure], there[figure]]
        assert.isBelow(Math.abs(a - b), 1e-4 * Math.max(1, Math.abs(a)), `step ${step}: ${figure} ${a} ${b}`)
      }
      assert.strictEqual(here.tokens, there.tokens)
      for (const figure of ["mean", "max", "low", "high"] as const) {
        const [a = 0, b = 0] = [here.ratios?.[figure], there.ratios?.[figure]]
        assert.isBelow(Math.abs(a - b), 1e-3 * Math.max(1, a), `step ${step}: ratios ${figure} ${a} ${b}`)
      }
      for (const { ratios } of [here, there]) {
        assert.strictEqual(ratios === undefined, objective._tag === "Supervised")
      }
    }
    yield* policy.endStage
  }).pipe(Effect.scoped)
