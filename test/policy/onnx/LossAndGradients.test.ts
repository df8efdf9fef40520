/** Updates whose numbers are none change nothing that lasts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { Objective, Policy, type Snapshot } from "../../../src/policy/index.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"
import { draw, EMBEDDING, examples, NORM, poison, poisons, runOn, untouched, update } from "./poison.ts"

const run = runOn(sharing()(2))

describe("updates", () => {
  it.effect(
    "with a loss or a gradient that is not finite change neither weights nor moments",
    () =>
      run(
        Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.beginStage
          yield* policy.update(Objective.Supervised({ examples }), update)
          const rollouts = (yield* draw({ count: 2, maxTokens: 6 })).flatMap((group, i) =>
            group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g - 0.5 }))
          )
          const groups = Objective.GroupRelative({
            rollouts,
            loss: "grpo",
            clip: { low: 0.2, high: 0.2 },
            kl: 0.1,
            innerUpdates: 2,
            maxTokens: 6
          })
          for (const poisoned of Object.values(poisons)) {
            yield* poisoned
            for (const objective of [Objective.Supervised({ examples }), groups]) {
              const error = yield* untouched(policy.update(objective, update))
              assert.match(
                error.message,
                /^policy update: (the loss is (NaN|-?Infinity): |optimiser step 2: the gradient's norm is)/
              )
            }
          }
        })
      ),
    300_000
  )

  it.effect(
    "held to a reference that is not finite name it",
    () =>
      run(
        Effect.gen(function*() {
          const policy = yield* Policy
          const healthy = yield* policy.snapshot
          const rollouts = (yield* draw({ count: 2, maxTokens: 6 })).flatMap((group, i) =>
            group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g - 0.5 }))
          )
          yield* poison(NORM, 3e38)
          yield* policy.beginStage
          yield* policy.revert(healthy)
          const objective = Objective.GroupRelative({
            rollouts,
            loss: "grpo",
            clip: { low: 0.2, high: 0.2 },
            kl: 0.1,
            innerUpdates: 1,
            maxTokens: 6
          })
          const error = yield* untouched(policy.update(objective, update))
          assert.match(
            error.message,
            /^policy update: the reference's log-probability of token 0 of item \d, candidate \d, is (NaN|-?Infinity)/
          )
          // Where nothing is held to it, it is not asked.
          yield* policy.update({ ...objective, kl: 0 }, update)
        })
      ),
    300_000
  )

  it.effect(
    "that float32 would not hold are refused before anything is changed",
    () =>
      run(
        Effect.scoped(
          Effect.gen(function*() {
            const policy = yield* Policy
            const fs = yield* FileSystem.FileSystem
            const folder = yield* fs.makeTempDirectoryScoped()
            const healthy = yield* policy.snapshot
            yield* policy.beginStage
            const error = yield* untouched(policy.update(Objective.Supervised({ examples }), { learningRate: 1e39 }))
            assert.include(error.message, "policy update: learningRate is 1e+39, expected a number from 0 and below 10")
            // Nor is what holds no numbers ever taken for a snapshot to come back to.
            const spoilt = (yield* policy.snapshot) as Snapshot & { readonly weights: Float32Array }
            spoilt.weights[3] = NaN
            const again = yield* untouched(policy.revert(spoilt))
            assert.match(again.message, /^policy restore: parameter \S+: is NaN at \[/)
            yield* policy.revert(healthy)
            yield* policy.save(`${folder}/model`)
          })
        )
      ),
    300_000
  )

  it.effect(
    "too large for the checkpoint's element type are refused when they are saved",
    () =>
      run(
        Effect.scoped(
          Effect.gen(function*() {
            const policy = yield* Policy
            const fs = yield* FileSystem.FileSystem
            const folder = yield* fs.makeTempDirectoryScoped()
            yield* poison(EMBEDDING, 70000, [3])
            const error = yield* Effect.flip(policy.save(`${folder}/model`))
            assert.include(
              error.message,
              `tensor "${EMBEDDING}": holds a value beyond F16, the element type it is stored in ` +
                "(found 70000 at [3, 0], expected magnitudes up to 65504)"
            )
            assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
          })
        )
      ),
    300_000
  )
})
