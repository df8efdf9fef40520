/** A limit that no answer fits into, in a script: refused in its own words, or tried. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { Scenes } from "../../src/data/index.ts"
import { Means } from "../../src/dsl/Means.ts"
import { Progress, silent } from "../../src/dsl/Progress.ts"
import * as Rise from "../../src/dsl/Rise.ts"
import { smoke } from "../../src/pipelines/Presets.ts"
import { OnnxPolicy } from "../../src/policy/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { sharing } from "../policy/workers.ts"

const live = Layer.mergeAll(
  OnnxPolicy.layer({ model: "assets/scene-vl-places", seed: 0 }).pipe(Layer.provide(sharing()(1))),
  Layer.succeed(Progress, silent)
).pipe(Layer.provideMerge(NodeServices.layer))

it.live("names no flags, and is no matter where a run is only tried", () =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const out = `${yield* fs.makeTempDirectoryScoped()}/run`
    const pipeline = Rise.make(Emotion6.task, Scenes.dataset({ split: "train", limit: 4 })).pipe(
      Rise.rft({ ...smoke.rft, steps: 1, maxTokens: 5 })
    )
    const { message } = yield* Effect.flip(pipeline.pipe(Rise.run({ out })))
    assert.strictEqual(
      message,
      "rft: maxTokens is 5, expected at least 8: the shortest think-answer of task \"emotion6\" takes so many " +
        "tokens, its end of turn included; Rise.run({ tried: true }) lets answers be cut off, to see that all goes " +
        "through"
    )
    // A command with a preset and no flag for each setting is told of no such flag.
    const byPreset = yield* Effect.flip(Effect.provideService(pipeline.pipe(Rise.run({ out })), Means, "preset"))
    assert.match(byPreset.message, /end of turn included; give it a --preset with more$/)
    assert.isFalse(yield* fs.exists(out))
    yield* pipeline.pipe(Rise.run({ out, tried: true }))
    assert.isTrue(yield* fs.exists(`${out}/model/config.json`))
  }).pipe(Effect.scoped, Effect.provide(live)), 120_000)
