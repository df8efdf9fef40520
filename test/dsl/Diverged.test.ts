/** Training that ruins a real model's weights stops where it did, in every stage, and leaves nothing like a result. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Scenes } from "../../src/data/index.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Safetensors } from "../../src/kernels/weights/index.ts"
import { OnnxPolicy, Policy } from "../../src/policy/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { NORM, poison } from "../policy/onnx/poison.ts"
import { sharing } from "../policy/workers.ts"

const runtime = sharing()

const engine = OnnxPolicy.layer({ model: "assets/scene-vl", seed: 3 }).pipe(
  Layer.provide(runtime(1)),
  Layer.provideMerge(Layer.mergeAll(NodeServices.layer, Layer.succeed(Progress, silent)))
)

/** The same policy, whose weights are ruined behind its back: at once, or by its first update. */
const ruined = (when: "at once" | "by an update", by: ReturnType<typeof poison>) =>
  Layer.effect(
    Policy,
    Effect.gen(function*() {
      const policy = yield* Policy
      const spoil = Effect.orDie(Effect.provideService(by, Policy, policy))
      if (when === "at once") yield* spoil
      return Policy.of({
        ...policy,
        update: (objective, options) =>
          Effect.tap(policy.update(objective, options), () => when === "at once" ? Effect.void : spoil)
      })
    })
  ).pipe(Layer.provideMerge(engine))

/** Finite, and far too much: what it leads to, float32 does not hold. */
const live = ruined("by an update", poison(NORM, 3e38))

const start = Rise.make(Emotion6.task, Stream.take(Scenes.dataset({ split: "train" }), 6), { validation: 0.3 })
const described = start.pipe(
  Rise.generate({ candidates: 4, maxTokens: 24 }),
  Rise.reconstruct({ maxTokens: 24, grammar: "mask" }),
  Rise.validate()
)

const settings = { steps: 6, learningRate: 1e-4 }
const stages = {
  "warm-up": start.pipe(Rise.warmUp({ ...settings, share: 1, batchSize: 2, maxTokens: 24 })),
  sft: start.pipe(Rise.answers(), Rise.sft({ ...settings, batchSize: 2, grammar: "mask" })),
  reinforce: described.pipe(Rise.reinforce({ ...settings, kl: 0.05 })),
  rft: start.pipe(Rise.rft({ ...settings, groupSize: 4, maxTokens: 40, grammar: "mask", innerUpdates: 2 })),
  "rft that selects": start.pipe(
    Rise.rft({ ...settings, groupSize: 4, maxTokens: 40, grammar: "mask", select: { every: 1 } })
  )
}

const norms = (model: string) =>
  Effect.flatMap(
    Safetensors.readHeader(`${model}/model.safetensors`),
    (header) => Safetensors.readFloat32(header, NORM)
  )

describe("a training that diverges", () => {
  for (const [name, pipeline] of Object.entries(stages)) {
    it.effect(
      `is stopped in ${name}`,
      () =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const out = `${yield* fs.makeTempDirectoryScoped()}/run`
          const error = yield* Effect.flip(
            Effect.provide(pipeline.pipe(Rise.run({ out })), live) as Effect.Effect<void, Error>
          )
          if (!(error instanceof Rise.Diverged)) return assert.fail(String(error))
          const [stage = ""] = name.split(" ")
          // A look at the validation split is no step that could be skipped.
          const looked = name.includes("selects")
          assert.deepStrictEqual([error.step, error.skipped], looked ? [1, 0] : [4, 3])
          assert.match(
            error.message,
            new RegExp(
              `^${stage}: step [14] diverged: .* (is|are) (not finite|NaN|-?Infinity)(, 3 steps in a row)?; ` +
                "lower learningRate or clipNorm \\(0.0001 and 1 now\\), or look at the checkpoint that .* began with"
            )
          )
          const files = yield* fs.readDirectory(out, { recursive: true })
          assert.deepStrictEqual(
            files.filter((file) => /model|safetensors|tmp/.test(file) && !file.startsWith(`last-good/${stage}/`)),
            [],
            "nothing like a result"
          )
          // Usable: the model that the stage began with, for its first step was the last good one.
          assert.deepStrictEqual(error.kept, { step: 0, path: `${out}/last-good/${stage}` })
          assert.deepStrictEqual(yield* norms(`${out}/last-good/${stage}`), yield* norms("assets/scene-vl"))
          const metrics = yield* fs.readFileString(`${out}/metrics.jsonl`)
          assert.strictEqual(metrics.split(`"skipped":`).length - 1, looked ? 0 : 3)
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
      300_000
    )
  }

  it.effect(
    "in its only step is stopped as well, and has changed nothing",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* fs.makeTempDirectoryScoped()}/run`
        const stage = start.pipe(Rise.answers(), Rise.sft({ steps: 1, learningRate: 1e-4, batchSize: 2 }))
        const error = yield* Effect.flip(
          Effect.provide(
            stage.pipe(Rise.run({ out })),
            ruined("at once", poison(NORM, 3e38))
          ) as Effect.Effect<void, Error>
        )
        assert.match(error.message, /^sft: step 1 diverged: the loss is NaN; lower learningRate or clipNorm/)
        const [row] = (yield* fs.readFileString(`${out}/metrics.jsonl`)).trim().split("\n")
        const { samples, ...rest } = JSON.parse(row ?? "")
        assert.deepStrictEqual(rest, {
          stage: "sft",
          step: 1,
          of: 1,
          skipped: "the loss is NaN",
          learningRate: 1e-4
        })
        assert.strictEqual(samples.length, 2)
        samples.forEach((id: string) => assert.match(id, /^scene:/))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    300_000
  )

  it.effect(
    "whose weights are finite and too large for the checkpoint's type is not saved as a model",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = `${yield* fs.makeTempDirectoryScoped()}/run`
        const stage = start.pipe(Rise.answers(), Rise.sft({ steps: 1, learningRate: 1e-4, batchSize: 2 }))
        const error = yield* Effect.flip(
          Effect.provide(
            stage.pipe(Rise.run({ out })),
            ruined("at once", poison(NORM, 7e4))
          ) as Effect.Effect<void, Error>
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
    300_000
  )
})
