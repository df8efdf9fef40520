/** Training that ruins a real model's weights stops where it did, in every stage, and leaves nothing like a result. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Scenes } from "../../src/data/index.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Runtime } from "../../src/kernels/runtime/index.ts"
import { OnnxPolicy } from "../../src/policy/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"

const live = Layer.mergeAll(
  OnnxPolicy.layer({ model: "assets/scene-vl", seed: 3 }).pipe(Layer.provide(Runtime.layer({ workers: 2 }))),
  Layer.succeed(Progress, silent)
).pipe(Layer.provideMerge(NodeServices.layer))

const start = Rise.make(Emotion6.task, Stream.take(Scenes.dataset({ split: "train" }), 6), { validation: 0.3 })
const described = start.pipe(
  Rise.generate({ candidates: 4, maxTokens: 24 }),
  Rise.reconstruct({ maxTokens: 24, grammar: "mask" }),
  Rise.validate()
)

/** Finite, and far too much: what it leads to, float32 still holds. */
const settings = { steps: 4, learningRate: 1e30 }
const stages = {
  "warm-up": start.pipe(Rise.warmUp({ ...settings, share: 1, batchSize: 2, maxTokens: 24 })),
  sft: start.pipe(Rise.answers(), Rise.sft({ ...settings, batchSize: 2, grammar: "mask" })),
  reinforce: described.pipe(Rise.reinforce({ ...settings, kl: 0.05 })),
  rft: start.pipe(Rise.rft({ ...settings, groupSize: 4, maxTokens: 40, grammar: "mask", innerUpdates: 2 })),
  "rft that selects": start.pipe(
    Rise.rft({ ...settings, groupSize: 4, maxTokens: 40, grammar: "mask", select: { every: 1 } })
  )
}

describe("a training that diverges", () => {
  for (const [name, stage] of Object.entries(stages)) {
    it.effect(
      `is stopped in ${name}`,
      () =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const out = `${yield* fs.makeTempDirectoryScoped()}/run`
          const error = yield* Effect.flip(
            Effect.provide(stage.pipe(Rise.run({ out })), live) as Effect.Effect<void, Error>
          )
          if (!(error instanceof Rise.Diverged)) return assert.fail(String(error))
          assert.isAtMost(error.step, 2, "the step that ruined the weights, or the next")
          assert.match(
            error.message,
            new RegExp(
              `^${name.split(" ")[0]}: step [12] diverged: .* (is|are) (not finite|NaN|-?Infinity).*; ` +
                "lower learningRate or clipNorm"
            )
          )
          const files = yield* fs.readDirectory(out, { recursive: true })
          assert.deepStrictEqual(
            files.filter((file) => /model|safetensors|tmp/.test(file)),
            []
          )
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      60_000
    )
  }

  it.effect(
    "in its last step is stopped as well",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* fs.makeTempDirectoryScoped()}/run`
        const stage = start.pipe(Rise.answers(), Rise.sft({ steps: 1, learningRate: 1e39, batchSize: 2 }))
        const error = yield* Effect.flip(
          Effect.provide(stage.pipe(Rise.run({ out })), live) as Effect.Effect<void, Error>
        )
        assert.match(
          error.message,
          /^sft: step 1 diverged: after an update at learning rate 1e\+39 parameter \S+: is \S+ at \[.*\], .*; lower/
        )
        assert.deepStrictEqual(
          (yield* fs.readDirectory(out, { recursive: true })).filter((file) => /model|safetensors|tmp/.test(file)),
          []
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    60_000
  )

  it.effect(
    "whose weights are finite and too large for the checkpoint's type is not saved as a model",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* fs.makeTempDirectoryScoped()}/run`
        const stage = start.pipe(Rise.answers(), Rise.sft({ steps: 1, learningRate: 1e30, batchSize: 2 }))
        const error = yield* Effect.flip(
          Effect.provide(stage.pipe(Rise.run({ out })), live) as Effect.Effect<void, Error>
        )
        assert.match(
          error.message,
          /^policy save: .*\/run\/model\/model\.safetensors: tensor "\S+": holds a value beyond F16, .* \(found \S+ at/
        )
        const files = yield* fs.readDirectory(out, { recursive: true })
        assert.deepStrictEqual(
          files.filter((file) => /model|safetensors|tmp/.test(file)),
          ["checkpoints/sft/state.safetensors"]
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    60_000
  )
})
