/** The whole method at an engine: the same pipeline, with another layer. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { Emotion6, Pipelines, Rise, Scenes } from "../../../src/index.ts"
import { Policy } from "../../../src/policy/index.ts"
import { engines, remote } from "./engines.ts"

const { task } = Emotion6
const { smoke } = Pipelines.Presets
const preset = Pipelines.Presets.atEngine({
  ...smoke,
  warmUp: { ...Pipelines.Presets.quick.warmUp, steps: 2, batchSize: 2, maxTokens: 32 },
  generate: { ...smoke.generate, maxTokens: 32 }
})

describe("the method at an engine", () => {
  layer(engines, { timeout: 120_000, excludeTestServices: true })((it) => {
    it.effect("goes through every stage and saves what it learned", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "run")
        const { engine, policy } = yield* remote({ reference: "stage" })
        yield* Rise.make(task, Scenes.dataset({ split: "train", limit: 8 })).pipe(
          Rise.warmUp(preset.warmUp),
          Rise.generate(preset.generate),
          Rise.reconstruct(preset.reconstruct),
          Rise.validate(),
          Rise.reinforce(preset.reinforce),
          Rise.best(),
          Rise.filter(preset.filter),
          Rise.sft(preset.sft),
          Rise.rft(preset.rft),
          Rise.run({ out }),
          Effect.provideService(Policy, policy)
        )
        const metrics = (yield* fs.readFileString(`${out}/metrics.jsonl`)).trim().split("\n")
          .map((line): Record<string, unknown> => JSON.parse(line))
        const of = (stage: string) => metrics.filter((row) => row["stage"] === stage && "loss" in row)
        assert.deepStrictEqual(
          ["warm-up", "reinforce", "sft", "rft"].map((stage) => of(stage).length),
          [2, 2, 2, 2]
        )
        assert.isTrue(of("sft").every(({ gradNorm }) => Number(gradNorm) > 0))
        assert.include(yield* fs.readDirectory(`${out}/model`), "adapter_model.safetensors")
        assert.isAbove(engine.requests.filter((path) => path === "asample").length, 20)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 300_000)
  })
})
