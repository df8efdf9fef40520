/** What is Qwen3-VL's own, in the live policy: DeepStack on every way, adapters of PEFT, saved directories. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { sequenceInputs } from "../../../src/kernels/generate/index.ts"
import * as G from "../../../src/kernels/graph/index.ts"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Config, Parameters, Precision, sequence } from "../../../src/kernels/models/index.ts"
import { Lora, LossGraphs, ParameterStore } from "../../../src/kernels/train/index.ts"
import { ModelDirectory, Safetensors } from "../../../src/kernels/weights/index.ts"
import { Objective, OnnxPolicy, Policy } from "../../../src/policy/index.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import * as Onnx from "../../kernels/graph/onnx.ts"
import { type Value, value } from "../../kernels/graph/reference.ts"
import { json } from "../../kernels/models/fixture.ts"
import { sharing } from "../workers.ts"

const runtime = sharing()

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/parity/${name}`, import.meta.url))
const model = fixture("qwen3-vl")

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "qwen3-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true }))
)

const noise = (height: number, width: number, id = `${height} × ${width}`): Image.Image =>
  Image.rendered(id, () => {
    const random = Keyed.stream(8, id)
    return { height, width, data: Uint8Array.from({ length: height * width * 3 }, () => random.int(256)) }
  })
const prompts = [
  { images: [noise(96, 160), noise(75, 61)], text: "What do people feel here?" },
  { images: [noise(64, 64)], text: "why?" }
]

const live = (options: Partial<OnnxPolicy.Options> = {}) =>
  OnnxPolicy.layer({ model, seed: 1, ...options }).pipe(
    Layer.provide(runtime(1)),
    Layer.provideMerge(NodeServices.layer)
  )

const groups = (images = prompts) =>
  Effect.scoped(Effect.gen(function*() {
    const session = yield* (yield* Policy).session
    const requests = images.map((prompt, i) => ({ prompt, key: `test/${i}` }))
    const drawn = yield* session.sample(requests, { count: 3, maxTokens: 12 })
    const scored = yield* session.logprobs(
      drawn.flatMap((group, i) => group.map(({ tokens }) => ({ prompt: images[i]!, tokens })))
    )
    return { drawn: drawn.flat(), scored }
  }))

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  assert.strictEqual(a.length, b.length)
  return Math.max(0, ...Array.from(a, (x, i) => Math.abs(x - b[i]!)))
}

describe("Qwen3-VL in the policy", () => {
  for (
    const [name, options, near] of [
      ["as it is", {}, 1e-4],
      ["one token a run", { decode: "step" }, 1e-4],
      ["with a trained tower", { trainable: "all" }, 1e-4],
      ["mapped from a file", { trainable: "none", mapWeights: true }, 1e-4],
      ["in 4 bits", { trainable: "none", quantize: "int4" }, 1e-3],
      ["with an adapter over 4 bits", { lora: { rank: 2 }, quantize: "int4" }, 1e-3]
    ] as const
  ) {
    it.effect(
      `scores what it samples, ${name}: the loop's prefill and the packed group see the same features`,
      () =>
        Effect.gen(function*() {
          const cache = yield* folder
          yield* Effect.gen(function*() {
            const { drawn, scored } = yield* groups()
            drawn.forEach(({ logprobs }, i) => assert.isAtMost(furthest(logprobs, scored[i]!), near))
            // Another picture of the same size is another answer: what is seen reaches the text.
            const other = yield* groups(prompts.map(({ images, text }) => ({
              text,
              images: images.map(({ id }) => noise(...id.split(" × ").map(Number) as [number, number], `other ${id}`))
            })))
            assert.notDeepEqual(other.scored, scored)
          }).pipe(Effect.provide(live({ ...options, cache })))
        }).pipe(Effect.scoped),
      60_000
    )
  }

  it.effect("draws the same in one loop and one token a run", () =>
    Effect.gen(function*() {
      const drawn = (decode: "loop" | "step") =>
        Effect.map(groups(), ({ drawn }) => drawn.map(({ tokens }) => [...tokens])).pipe(
          Effect.provide(live({ decode }))
        )
      assert.deepStrictEqual(yield* drawn("step"), yield* drawn("loop"))
    }), 60_000)

  it.effect("learns by groups and by examples, the same with layers computed twice", () =>
    Effect.gen(function*() {
      const learned = (recompute: boolean) =>
        Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.beginStage
          const { drawn } = yield* groups()
          const group = Objective.GroupRelative({
            rollouts: drawn.map((completion, i) => ({
              prompt: prompts[Math.floor(i / 3)]!,
              completion,
              advantage: i % 3 - 1
            })),
            loss: "grpo",
            clip: { low: 0.2, high: 0.2 },
            kl: 0.04,
            innerUpdates: 1,
            maxTokens: 12
          })
          const examples = Objective.Supervised({
            examples: prompts.map((prompt) => ({ prompt, target: [{ text: "joy", weight: 1 }] }))
          })
          const update = { learningRate: 1e-3, weightDecay: 0 }
          const first = yield* policy.update(group, update)
          const second = yield* policy.update(examples, update)
          const third = yield* policy.update(examples, update)
          assert.isBelow(third.loss, second.loss)
          return [first, second, third].map(({ gradNorm, loss }) => [loss, gradNorm])
        }).pipe(Effect.provide(live({ trainable: "all", recompute })))
      assert.deepStrictEqual(yield* learned(true), yield* learned(false))
    }), 60_000)

  it.effect("is given an adapter of PEFT, and writes the same files", () =>
    Effect.gen(function*() {
      const [at, peft] = [yield* folder, fixture("qwen3-vl-adapter")]
      const saved = path.join(at, "adapter")
      yield* Effect.gen(function*() {
        yield* (yield* OnnxPolicy.Adapters).save(saved)
      }).pipe(Effect.provide(live({ lora: { adapter: peft } })))
      const read = Effect.fnUntraced(function*(directory: string) {
        const header = yield* Safetensors.readHeader(path.join(directory, "adapter_model.safetensors"))
        const names = [...header.tensors.keys()].sort()
        const values = yield* Effect.forEach(names, (name) => Safetensors.readFloat32(header, name))
        return names.map((name, i) => [name, header.tensors.get(name)?.shape, [...values[i]!]])
      })
      assert.deepStrictEqual(yield* read(saved), yield* read(peft))
      const targets = (directory: string) => {
        const { lora_alpha, r, target_modules } = JSON.parse(
          fs.readFileSync(path.join(directory, "adapter_config.json"), "utf8")
        )
        const named = (module: string) =>
          target_modules.some((target: string) => module === target || module.endsWith(`.${target}`))
        return { lora_alpha, r, named }
      }
      const [own, other] = [targets(saved), targets(peft)]
      assert.deepStrictEqual([own.r, own.lora_alpha], [other.r, other.lora_alpha])
      const { config } = yield* Model.load(model, { trainable: "none", seed: 0 })
      for (const module of Lora.matrices(config).map(Parameters.currentName)) {
        assert.strictEqual(own.named(module), other.named(module), module)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)

  it.effect("is saved under the names that transformers looks for, and opens again as it was", () =>
    Effect.gen(function*() {
      const target = path.join(yield* folder, "saved")
      const loaded = yield* Model.load(model, { trainable: "decoder", seed: 0 })
      yield* Model.save(loaded, target)
      const names = ({ tensors }: ModelDirectory.ModelDirectory) => [...tensors.keys()].sort()
      assert.deepStrictEqual(names(yield* ModelDirectory.open(target)), names(yield* ModelDirectory.open(model)))
      const again = yield* Model.load(target, { trainable: "decoder", seed: 0 })
      assert.deepStrictEqual(again.config, loaded.config)
      assert.deepStrictEqual(again.store.data, loaded.store.data)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("with a template that opens the reasoning asks without it, and so does what is saved", () =>
    Effect.gen(function*() {
      const at = yield* folder
      const { thinking } = json<{ readonly thinking: { readonly closed: string; readonly template: string } }>(
        "../parity/qwen3-vl.json"
      )
      const opening = path.join(at, "opening")
      fs.cpSync(model, opening, { recursive: true })
      fs.writeFileSync(path.join(opening, "chat_template.json"), JSON.stringify({ chat_template: thinking.template }))
      const asked = (directory: string) =>
        Effect.gen(function*() {
          const loaded = yield* Model.load(directory, { trainable: "none", seed: 0 })
          const { tokens } = yield* loaded.encoder.prompt({ images: [], text: "why?" }, [])
          return { loaded, text: loaded.tokenizer.decode(tokens, { skipSpecial: false }) }
        })
      const plain = yield* asked(model)
      const opened = yield* asked(opening)
      assert.strictEqual(opened.text, plain.text)
      yield* Model.save(opened.loaded, path.join(at, "saved"))
      assert.strictEqual(fs.readFileSync(path.join(at, "saved/chat_template.jinja"), "utf8"), thinking.closed)
      assert.strictEqual((yield* asked(path.join(at, "saved"))).text, plain.text)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("video is refused, by what stands for it in a prompt", () =>
    Effect.gen(function*() {
      for (const name of ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"]) {
        const { encoder } = yield* Model.load(fixture(name), { trainable: "none", seed: 0 })
        const error = yield* Effect.flip(
          encoder.prompt({ images: [], text: "<0.5 seconds><|vision_start|><|video_pad|><|vision_end|>" }, [])
        )
        assert.strictEqual(error._tag, "PolicyError")
        assert.include(error.message, "a video placeholder (token 6); video is not read: give its frames as pictures")
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("features reach the last layer, too, where there are as many as layers and few rows are wanted", () =>
    Effect.gen(function*() {
      const loaded = yield* Model.load(model, { trainable: "none", seed: 0 })
      const config = { ...loaded.config, layers: loaded.config.vision.deepstack.length }
      const [length, rows] = [6, 4]
      const inputs = sequenceInputs(config, 1, length, G.input("visual", [rows, Config.visualWidth(config)]))
      const p = LossGraphs.parameterInputs(config)
      const random = Keyed.stream(4, "deepstack")
      const normal = (...shape: ReadonlyArray<number>) =>
        value(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random.normal), shape)
      const half = config.headWidth / 2
      const whole = sequence(config, p, inputs)
      const some = sequence(config, p, inputs, G.constant(Int32Array.of(2, 5, 1)))
      const [all, few] = yield* Effect.promise(() =>
        Onnx.evaluate([whole.hidden, some.hidden], {
          ...Object.fromEntries(
            Object.entries(ParameterStore.tensors(loaded.store)).map(([name, { data, dims }]) => [
              name,
              value(Array.from(data, Number), dims)
            ])
          ),
          tokens: value([1, 5, 5, 9, 5, 7]),
          visualIndex: value([rows, 0, 3, rows, 1, rows]),
          segments: value([0, 0, 0, 0, 0, 0]),
          cosines: normal(length, half),
          sines: normal(length, half),
          visual: normal(rows, Config.visualWidth(config))
        })
      )
      const row = (of: Value, i: number) => [...of.data.subarray(i * config.width, (i + 1) * config.width)]
      ;[2, 5, 1].forEach((from, to) => assert.isAtMost(furthest(row(few!, to), row(all!, from)), 1e-5))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("learned positions are neither rounded nor adapted", () =>
    Effect.gen(function*() {
      const { config } = yield* Model.load(model, { trainable: "none", seed: 0 })
      const quantized = Precision.quantizations(config, "int4")
      const adapted = Lora.linearModules(config).map(({ name }) => `${name}.weight`)
      assert.deepStrictEqual([...quantized.keys()].sort(), adapted.sort())
      assert.isFalse(quantized.has("visual.pos_embed.weight"))
      assert.isTrue(quantized.has("visual.deepstack_merger_list.1.linear_fc2.weight"))
      const error = yield* Effect.flip(Lora.make(config, { targets: ["pos_embed"] }))
      assert.include(error.message, "a pattern of visual.pos_embed")
    }).pipe(Effect.provide(NodeServices.layer)))
})
