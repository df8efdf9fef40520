/** The whole method at an engine: the same pipeline, with another layer. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { Emotion6, Pipelines, Rise, Run, Scenes } from "../../../src/index.ts"
import { Policy } from "../../../src/policy/index.ts"
import { adaptingEngines, remote } from "./engines.ts"

const { task } = Emotion6
const { smoke } = Pipelines.Presets
const preset = Pipelines.Presets.atEngine({
  ...smoke,
  warmUp: { ...Pipelines.Presets.quick.warmUp, steps: 2, batchSize: 2, maxTokens: 32 },
  generate: { ...smoke.generate, maxTokens: 32 }
})

const pipeline = (settings: typeof preset) =>
  Rise.make(task, Scenes.dataset({ split: "train", limit: 8 })).pipe(
    Rise.warmUp(settings.warmUp),
    Rise.generate(settings.generate),
    Rise.reconstruct(settings.reconstruct),
    Rise.validate(),
    Rise.reinforce(settings.reinforce),
    Rise.best(),
    Rise.filter(settings.filter),
    Rise.sft(settings.sft),
    Rise.rft(settings.rft)
  )

describe("the method at an engine", () => {
  layer(adaptingEngines, { timeout: 300_000, excludeTestServices: true })((it) => {
    it.effect("goes through every stage and saves what it learned", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "run")
        const { engine, policy } = yield* remote({ reference: "stage" })
        yield* pipeline(preset).pipe(
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
        // Practice by draws: texts of its own were looked at.
        assert.isTrue(of("sft").every(({ left }) => Number(left) >= 0))
        assert.include(yield* fs.readDirectory(`${out}/model`), "adapter_model.safetensors")
        assert.isAbove(engine.requests.filter((path) => path === "asample").length, 20)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 300_000)

    it.effect("refuses what the last stage asks for before the first one begins", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const out = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "run")
        const { engine, policy } = yield* remote({ probe: false })
        const asked = engine.requests.length
        for (
          const [changed, expected] of [
            [
              { rft: { ...preset.rft, kl: 0, format: 4 } },
              /^rft: format is 4, expected 0: a format loss needs the prob/
            ],
            [
              { rft: { ...preset.rft, kl: 0.02 } },
              /^rft: kl is 0\.02, expected 0: there is no reference to hold on to/
            ],
            [
              { generate: { ...preset.generate, temperature: 0.7 } },
              /^generate: temperature is 0\.7, expected 1: engines score at that/
            ],
            [
              { sft: { ...preset.sft, practice: { texts: 1, weight: 1, maxTokens: 8 } } },
              /^sft: practice is \{.*\}, expected to be left out: a format loss/
            ],
            [{ sft: { ...preset.sft, grammar: "mask" as const } }, /^sft: grammar is "mask", expected off: a grammar/]
          ] as const
        ) {
          const calm = { ...preset, reinforce: { ...preset.reinforce, kl: 0 }, rft: { ...preset.rft, kl: 0 } }
          const error = yield* pipeline({ ...calm, ...changed }).pipe(
            Rise.run({ out }),
            Effect.provideService(Policy, policy),
            Effect.flip
          )
          assert.match(error.message, expected)
          // The same within a run that is there already.
          const within = yield* Rise.train(pipeline({ ...calm, ...changed })).pipe(
            Effect.provide(Run.layerMemory({ seed: 0 })),
            Effect.provideService(Policy, policy),
            Effect.flip
          )
          assert.match(within.message, expected)
        }
        assert.isFalse(yield* fs.exists(out))
        assert.strictEqual(engine.requests.length, asked)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 120_000)
  })
})
