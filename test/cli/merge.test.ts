/** `rise merge`: the same model as the policy saves whole. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import sharp from "sharp"
import { Classification, Policy, Rise, Scenes } from "../../src/index.ts"
import { here } from "./here.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rise-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const merge = (...line: ReadonlyArray<string>) => here(["merge", ...line])

describe("rise merge", () => {
  it.live(
    "writes base and adapter as the policy that learned them saves both, with the task",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const at = yield* directory
        const [adapter, whole, out] = [join(at, "adapter"), join(at, "whole"), join(at, "merged")]
        const services = yield* Layer.build(Policy.onnx({ model: "embedded", lora: { rank: 4 }, workers: 1 }))
        const policy = Context.get(services, Policy.Policy)
        const [sample] = [...yield* Stream.runCollect(Scenes.dataset({ split: "train", limit: 1 }))]
        if (sample === undefined) return assert.fail("there are scenes")
        const prompt = { images: [sample.image], text: "What is felt?" }
        yield* policy.beginStage
        yield* policy.update(
          Policy.Objective.Supervised({ examples: [{ prompt, target: [{ text: "joy 60 neutral 40", weight: 1 }] }] }),
          { learningRate: 1e-2, weightDecay: 0, clipNorm: 1 }
        )
        yield* policy.endStage
        yield* Context.get(services, Policy.OnnxPolicy.Adapters).save(adapter)
        yield* policy.save(whole)
        const task = JSON.stringify({ version: 1, kind: "code", name: "mine" })
        writeFileSync(join(adapter, "rise-task.json"), task)

        const done = yield* merge("--adapter", adapter, "--out", out)
        assert.strictEqual(done.code, 0, done.stderr)
        assert.match(
          done.stdout,
          /merged: embedded scene-vl-places with .*adapter merged in\. Measure it: npx rise evaluate --model /
        )
        const weights = (folder: string) => readFileSync(join(folder, "model.safetensors"))
        assert.isTrue(weights(out).equals(weights(whole)))
        assert.isFalse(weights(out).equals(weights(join(import.meta.dirname, "../../assets/scene-vl-places"))))
        assert.strictEqual(readFileSync(join(out, "rise-task.json"), "utf8"), task)

        const again = yield* merge("--adapter", adapter, "--out", out)
        assert.strictEqual(again.code, 1)
        assert.match(again.stderr, /already exists/)
        const over = yield* merge("--adapter", adapter, "--out", adapter)
        assert.strictEqual(over.code, 2)
        assert.match(over.stderr, /--out would write .*adapter.* is read/)

        const other = join(at, "other")
        mkdirSync(other)
        writeFileSync(join(other, "adapter_config.json"), readFileSync(join(adapter, "adapter_config.json")))
        const halved = yield* merge("--adapter", other, "--out", join(at, "none"))
        assert.strictEqual(halved.code, 1)
        assert.match(halved.stderr, /the adapter does not fit .*adapter_model\.safetensors/)
      })),
    240_000
  )

  it.live(
    "knows the task of an adapter that was saved after a run; one without is told, and never asked in silence",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const at = yield* directory
        const [adapter, out, run] = [join(at, "adapter"), join(at, "merged"), join(at, "run")]
        const task = Classification.forEmbedded({ name: "weather", labels: ["rain", "sun"], answer: "single" })
        const data = Scenes.dataset({ split: "train", limit: 2 }).pipe(
          Stream.zipWithIndex,
          Stream.map(([{ image }, i]) => ({ image, truth: i === 0 ? [1, 0] : [0, 1] }))
        )
        const services = yield* Layer.build(Policy.onnx({ model: "embedded", lora: { rank: 4 }, workers: 1 }))
        yield* Rise.make(task, data).pipe(
          Rise.answers(),
          Rise.sft({ steps: 1, batchSize: 2, learningRate: 1e-3 }),
          Rise.run({ out: run }),
          Effect.provideContext(services)
        )
        yield* Context.get(services, Policy.OnnxPolicy.Adapters).save(adapter)
        const taskOf = (folder: string) => readFileSync(join(folder, "rise-task.json"), "utf8")
        assert.strictEqual(taskOf(adapter), taskOf(join(run, "model")))
        const done = yield* merge("--adapter", adapter, "--out", out)
        assert.strictEqual(done.code, 0, done.stderr)
        assert.notInclude(done.stderr, "rise-task.json")
        assert.strictEqual(taskOf(out), taskOf(join(run, "model")))

        rmSync(join(adapter, "rise-task.json"))
        writeFileSync(
          join(at, "picture.png"),
          yield* Effect.promise(() =>
            sharp({ create: { width: 32, height: 32, channels: 3, background: "#fff" } }).png().toBuffer()
          )
        )
        const asked = yield* here(["annotate", "--adapter", adapter, join(at, "picture.png")])
        assert.match(asked.stderr, /adapter does not say \(it has no rise-task\.json\) what it was trained for/)
        const silent = yield* merge("--adapter", adapter, "--out", join(at, "silent"))
        assert.match(silent.stderr, /adapter has no rise-task\.json: .*silent does not say what it was trained for/)
      })).pipe(Effect.provide(NodeServices.layer)),
    240_000
  )
})
