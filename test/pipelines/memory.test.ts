/** What is planned beside what a process held. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Path } from "effect"
import { picture } from "../../src/cli/init/pictures.ts"
import { memory, type Method } from "../../src/pipelines/index.ts"
import { paper, type Preset, smoke } from "../../src/pipelines/Presets.ts"
import { promptSizes } from "../../src/pipelines/promptSizes.ts"
import * as Sources from "../../src/sources/index.ts"
import { node, rise } from "../cli/processes.ts"

/** Eight drawn pictures in class folders. */
const pictures = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.makeTempDirectoryScoped()
  for (const label of ["rain", "sun"]) {
    yield* fs.makeDirectory(path.join(root, "weather", label), { recursive: true })
    for (let n = 0; n < 5; n++) {
      yield* fs.writeFile(path.join(root, "weather", label, `${n}.png`), yield* picture("train", label, n))
    }
  }
  return root
})

/** Runs a few steps of SFT with one worker: the most that a process of it held, in bytes. */
const heldBy = Effect.fnUntraced(function*(root: string, model: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(
    `${root}/held.mjs`,
    `import { peakBytes } from ${JSON.stringify(new URL("../../src/kernels/runtime/peak.ts", import.meta.url).href)}
process.on("exit", () => console.error("held", peakBytes()))`
  )
  const { code, stderr } = yield* node([
    ...["--import", `${root}/held.mjs`, rise, "train", "-d", `${root}/weather`, "-m", model, "--preset", "smoke"],
    ...["--method", "SFT", "-w", "1", "-o", `${root}/run`]
  ])
  assert.strictEqual(code, 0, stderr)
  return Math.max(...[...stderr.matchAll(/held (\d+)/g)].map(([, bytes]) => Number(bytes)))
})

const few = { preset: smoke, methods: ["SFT"], pictures: 10, how: { workers: 1 } } as const

const open = (data: string) => {
  const none = Option.none()
  return Sources.pictures({
    ...{ data, embedded: true, labels: none, seed: 0, shots: none, subject: none, task: none }
  }).pipe(Effect.map((found) => {
    if (found.kind !== "classes") throw new Error("labels are expected")
    return { task: found.task, data: found.train, model: "embedded" }
  }))
}

describe("memory", () => {
  it.live(
    "is within a quarter of what a run of a few steps held, and says more of one that does more",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const root = yield* pictures
        const run = { ...(yield* open(`${root}/weather`)), ...few }
        const planned = yield* memory(run)
        const held = yield* heldBy(root, "embedded")
        const ratio = planned.total / held
        assert.isTrue(ratio > 0.75 && ratio < 1.25, `planned ${planned.total}, held ${held}`)

        const all = yield* memory({ ...run, methods: ["SFT", "Visual-RFT", "RISE"] })
        assert.isAbove(all.total, planned.total)
        const longer = yield* memory({ ...run, preset: { ...smoke, sft: { ...smoke.sft, steps: 500, batchSize: 64 } } })
        assert.isAbove(longer.total, planned.total)
        // Pictures that are changed are others each time, and kept apart.
        const augmented = { ...smoke, sft: { ...smoke.sft, steps: 500, augment: { flip: true } } }
        const changed = yield* memory({ ...run, preset: augmented })
        assert.isAbove(changed.pictures, 10 * planned.pictures)
        assert.isAtMost(changed.pictures, planned.pictures + 128 * 2 ** 20)
        const adapter = yield* memory({ ...run, preset: paper, how: { workers: 1, lora: { rank: 4 } } })
        assert.isBelow(adapter.optimizer, (yield* memory({ ...run, preset: paper })).optimizer)
      })).pipe(Effect.provide(NodeServices.layer)),
    300_000
  )

  it.live(
    "is within a quarter of it for a model of another family and size",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const root = yield* pictures
        const model = "test/fixtures/parity/qwen2.5-vl"
        const planned = yield* memory({ ...(yield* open(`${root}/weather`)), ...few, model })
        const held = yield* heldBy(root, model)
        const ratio = planned.total / held
        assert.isTrue(ratio > 0.75 && ratio < 1.25, `planned ${planned.total}, held ${held}`)
      })).pipe(Effect.provide(NodeServices.layer)),
    300_000
  )

  it.effect("counts the batches and the kept weights of every stage that a method trains", () =>
    Effect.scoped(Effect.gen(function*() {
      const run = { ...(yield* open(`${yield* pictures}/weather`)), ...few }
      const of = (preset: Preset, ...methods: ReadonlyArray<Method>) => memory({ ...run, preset, methods })
      const { batchSize: _, ...sft } = { ...smoke.sft, steps: 500, augment: { flip: true } }
      assert.strictEqual(
        (yield* of({ ...smoke, sft }, "SFT")).pictures,
        (yield* of({ ...smoke, sft: { ...sft, batchSize: 2 } }, "SFT")).pictures
      )
      const select = { every: 1 }
      const selection = (preset: Preset, ...methods: ReadonlyArray<Method>) =>
        Effect.map(of(preset, ...methods), ({ selection }) => selection > 0)
      for (const stage of ["reinforce", "sft", "rft"] as const) {
        const preset = { ...smoke, [stage]: { ...smoke[stage], select } }
        assert.isTrue(yield* selection(preset, "RISE"))
        assert.strictEqual(yield* selection(preset, "SFT"), stage === "sft")
        assert.strictEqual(yield* selection(preset, "Visual-RFT"), stage === "rft")
        assert.isFalse(yield* selection({ ...smoke, [stage]: { ...smoke[stage], select: null } }, "RISE"))
      }
    })).pipe(Effect.provide(NodeServices.layer)))

  it.effect("counts prompts as the model reads them: 16 visual tokens of a picture of 112 pixels, and the text", () =>
    Effect.scoped(Effect.gen(function*() {
      const sizes = yield* promptSizes(yield* open(`${yield* pictures}/weather`))
      assert.strictEqual(sizes.visualTokens, 16)
      assert.isTrue(sizes.promptTokens > 30 && sizes.promptTokens < 120, String(sizes.promptTokens))
    })).pipe(Effect.provide(NodeServices.layer)))
})
