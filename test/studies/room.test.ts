/** Answers that there is no room for are refused before the first step, by whatever runs a pipeline. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { Scenes } from "../../src/data/index.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { Run } from "../../src/dsl/Run.ts"
import { Presets } from "../../src/pipelines/index.ts"
import { onnx } from "../../src/policy/layers.ts"
import { Grid, Subject } from "../../src/studies/ablations/index.ts"
import { Audit } from "../../src/studies/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"

const { task } = Emotion6
const data = Scenes.dataset({ split: "train", limit: 8 })
const policy = onnx({ model: "embedded", workers: 1 })
const { quick, smoke } = Presets

// Scripts have no flags.
const least = "expected at least 8: the shortest think-answer of task \"emotion6\""
const rebuilding = "reconstruct: maxTokens is 1, expected at least 3: the shortest answer of task \"emotion6\" takes " +
  "so many tokens"
const short = { ...quick, reconstruct: { maxTokens: 1 } }

it.live("no room for an answer: of a script, an audit and the tables", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const out = yield* fs.makeTempDirectoryScoped()
    const rft = Rise.make(task, data).pipe(Rise.rft({ steps: 1, maxTokens: 5 }))
    const says = `rft: maxTokens is 5, ${least}`
    assert.include((yield* Effect.flip(rft.pipe(Rise.run({ out: `${out}/rft` })))).message, says)
    const inMemory = Run.layerMemory({ seed: 0 })
    assert.include((yield* Effect.flip(Effect.provide(Rise.train(rft), inMemory))).message, says)
    const loop = Rise.make(task, data).pipe(
      Rise.generate(quick.generate),
      Rise.reconstruct(short.reconstruct),
      Rise.validate(),
      Rise.reinforce({ steps: 1 })
    )
    assert.include((yield* Effect.flip(loop.pipe(Rise.run({ out: `${out}/loop` })))).message, rebuilding)

    const audit = { task, data, policy, training: "none", out: `${out}/audit`, seed: 0 } as const
    assert.include((yield* Effect.flip(Audit.audit({ ...audit, preset: short }))).message, rebuilding)

    const subject = Subject.make({
      name: "emotion6",
      source: "scenes",
      measures: [{ name: "JSD", direction: "lower" }],
      shots: ["full"],
      sizes: { train: 8, test: 8, perShot: 3 },
      open: () => Effect.succeed({ task, train: data, test: data })
    })
    const grid = {
      subjects: [subject],
      bench: {
        out: `${out}/grid`,
        preset: { ...quick, evaluate: { maxTokens: 5 } },
        model: { name: "embedded", policy: () => policy }
      }
    }
    const failures = yield* Grid.run(grid, Grid.plan(grid, { seeds: [0], only: ["/base"], tables: ["1"] }), {
      started: () => Effect.void,
      failed: () => Effect.void
    })
    assert.deepStrictEqual(failures.map(({ reason }) => reason.includes(`evaluate: maxTokens is 5, ${least}`)), [true])
    assert.deepStrictEqual(yield* fs.exists(`${out}/rft`), false)

    // What only tries whether all goes through may cut its answers off.
    const tried = { ...smoke, reconstruct: { maxTokens: 1 }, warmUp: { share: 1, steps: 0, maxTokens: 4 } }
    const scores = yield* Audit.audit({ ...audit, out: `${out}/tried`, preset: tried })
    assert.strictEqual(yield* Stream.runCount(scores), 8)
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.mergeAll(policy, NodeServices.layer, Layer.succeed(Progress, silent)))
  ), 120_000)
