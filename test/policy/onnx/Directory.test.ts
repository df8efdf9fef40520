/** What a directory must hold to be loaded, and what a prompt must not exceed. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { ModelDirectory, Safetensors } from "../../../src/kernels/weights/index.ts"
import { Objective, OnnxPolicy, Policy, type Prompt } from "../../../src/policy/index.ts"
import { TokenBudgetError } from "../../../src/policy/onnx/ContextLimit.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import { fingerprint } from "../../kernels/train/fingerprint.ts"
import { sharing } from "../workers.ts"

const runtime = sharing()

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/parity/${name}`, import.meta.url))

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "directory-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true }))
)

/** A copy of a fixture with one of its JSON files changed. */
const changed = Effect.fnUntraced(function*(name: string, file: string, fields: object) {
  const copy = path.join(yield* folder, "model")
  fs.cpSync(fixture(name), copy, { recursive: true })
  const target = path.join(copy, file)
  fs.writeFileSync(target, JSON.stringify({ ...JSON.parse(fs.readFileSync(target, "utf8")), ...fields }))
  return copy
})

/** The text fields of the fixture with others over them. */
const textWith = (fields: object) => {
  const { text_config } = JSON.parse(fs.readFileSync(path.join(fixture("qwen2.5-vl"), "config.json"), "utf8"))
  return { text_config: { ...text_config, ...fields } }
}

const refused = (directory: string) =>
  Effect.map(Effect.flip(Model.load(directory, { trainable: "decoder", seed: 0 })), ({ message }) => message)

const picture = (height: number, width: number, id = `${height} × ${width}`): Image.Image =>
  Image.rendered(id, () => {
    const random = Keyed.stream(8, id)
    return { height, width, data: Uint8Array.from({ length: height * width * 3 }, () => random.int(256)) }
  })

const live = (model: string, options: Partial<OnnxPolicy.Options> = {}) =>
  OnnxPolicy.layer({ model, seed: 1, ...options }).pipe(
    Layer.provide(runtime(1)),
    Layer.provide(NodeServices.layer)
  )

describe("a directory is refused", () => {
  it.effect("where it says what generation cannot be told, though nothing here samples by it", () =>
    Effect.gen(function*() {
      for (
        const [field, value, expected] of [
          ["temperature", -0.1, "a number from 0 to 100"],
          ["top_p", 1.5, "a number in [0, 1]"],
          ["top_k", -1, "a whole number from 0"],
          ["repetition_penalty", 0, "a number above 0"],
          ["max_new_tokens", 0, "a whole number from 1"],
          ["do_sample", "yes", "true or false"]
        ] as const
      ) {
        const message = yield* refused(yield* changed("qwen2.5-vl", "generation_config.json", { [field]: value }))
        const says = `generation_config.json: ${field} is ${JSON.stringify(value)}, expected ${expected}`
        assert.include(message, says)
      }
      const outside = yield* changed("qwen2.5-vl", "generation_config.json", { eos_token_id: [1, 999_999] })
      assert.include(yield* refused(outside), "eos_token_id is 999999, expected ids below config.json's vocab_size")
      // What Qwen publishes, and what is left out by null.
      yield* Model.load(
        yield* changed("qwen2.5-vl", "generation_config.json", {
          do_sample: true,
          temperature: 0.01,
          top_k: 1,
          top_p: 0.001,
          repetition_penalty: 1.05,
          max_new_tokens: null
        }),
        { trainable: "none", seed: 0 }
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("whose tokenizer has ids that the model has no embedding of", () =>
    Effect.gen(function*() {
      const small = yield* changed("qwen2.5-vl", "config.json", textWith({ vocab_size: 8 }))
      const message = yield* refused(small)
      assert.match(message, /tokenizer\.json has ids up to \d+, but config\.json's vocab_size is 8: take both from one/)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("at once where its config asks for more than any memory holds, naming what it has", () =>
    Effect.gen(function*() {
      const wide = yield* changed(
        "qwen2.5-vl",
        "config.json",
        textWith({ intermediate_size: 2 ** 20, num_hidden_layers: 1024 })
      )
      const before = process.memoryUsage().arrayBuffers
      assert.match(yield* refused(wide), /tensor "\S+" is \[.*\], config\.json asks for|has no tensor/)
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 2 ** 28)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("where images would be cut in another way than the tower expects", () =>
    Effect.gen(function*() {
      for (
        const [field, expected] of [["patch_size", "14"], ["merge_size", "2"], ["temporal_patch_size", "2"]] as const
      ) {
        const message = yield* refused(yield* changed("qwen2.5-vl", "preprocessor_config.json", { [field]: 1 }))
        assert.include(message, `${field} is 1, but config.json's vision_config.`)
        assert.include(message, `is ${expected}`)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("where its configuration asks for what is not implemented", () =>
    Effect.gen(function*() {
      const quantised = yield* changed("qwen2-vl", "config.json", { quantization_config: { quant_method: "gptq" } })
      assert.include(yield* refused(quantised), `quantization_config is {"quant_method":"gptq"}`)
      assert.include(
        yield* refused(yield* changed("qwen2-vl", "config.json", { model_type: "llava" })),
        `model_type is "llava"`
      )
      const cropping = yield* changed("qwen2-vl", "preprocessor_config.json", { do_center_crop: true })
      assert.include(yield* refused(cropping), "do_center_crop")
      const other = yield* changed("qwen2-vl", "preprocessor_config.json", {
        image_processor_type: "CLIPImageProcessor"
      })
      assert.include(yield* refused(other), "image_processor_type")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("where it holds tensors that the model has no use for, or lacks some", () =>
    Effect.gen(function*() {
      const copy = yield* changed("qwen2-vl", "config.json", {})
      const file = path.join(copy, "model.safetensors")
      const { store } = yield* Model.load(copy, { trainable: "decoder", seed: 0 })
      const tensors = [...store.slices.values()].map(({ length, name, offset, shape }) => ({
        name,
        shape,
        data: store.data.slice(offset, offset + length)
      }))
      const foreign = { name: "model.layers.0.self_attn.q_norm.weight", shape: [16], data: new Float32Array(16) }
      yield* Safetensors.write(file, [...tensors, foreign])
      assert.include(yield* refused(copy), `"model.layers.0.self_attn.q_norm.weight"`)
      // An output matrix beside a tied one is never read: some tools write it.
      yield* Safetensors.write(file, [...tensors, {
        ...tensors.find(({ name }) => name === "model.embed_tokens.weight")!,
        name: "lm_head.weight"
      }])
      yield* Model.load(copy, { trainable: "decoder", seed: 0 })
      // One that is another matrix is what transformers loads instead.
      const own = tensors.find(({ name }) => name === "model.embed_tokens.weight")!
      const last = own.data.length - 1
      const head = own.data.map((value, i) => i === last ? value + 1 : value)
      yield* Safetensors.write(file, [...tensors, { ...own, name: "lm_head.weight", data: head }])
      assert.match(yield* refused(copy), /"lm_head.weight" is not "model.embed_tokens.weight".*tie_word_embeddings/)
      yield* Safetensors.write(file, tensors.slice(1))
      assert.include(yield* refused(copy), `no tensor "${tensors[0]!.name}"`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("what does not fit the model's positions", () => {
  const prompt: Prompt = { images: [picture(84, 84), picture(112, 56)], text: "What do people feel here?" }

  it.effect("is refused whole, with the budget and what it went on", () =>
    Effect.gen(function*() {
      const model = yield* changed("qwen2-vl", "config.json", { max_position_embeddings: 88 })
      yield* Effect.gen(function*() {
        const policy = yield* Policy
        const { sample } = yield* policy.session
        // 9 + 8 visual tokens fit with a few words behind them, but not with many.
        const [group] = yield* sample([{ prompt, key: "fits" }], { count: 1, maxTokens: 1 })
        assert.strictEqual(group!.length, 1)
        const error = yield* Effect.flip(sample([{ prompt, key: "does not" }], { count: 1, maxTokens: 40 }))
        const cause = error.cause
        if (!(cause instanceof TokenBudgetError)) return assert.fail(error.message)
        assert.deepStrictEqual([cause.budget, cause.imageTokens, [...cause.images], cause.following], [
          88,
          17,
          [9, 8],
          40
        ])
        assert.include(error.message, "17 tokens of 2 images (9, 8)")
        assert.include(error.message, `by ${17 + cause.textTokens + 40 - 88}`)
        assert.include(error.message, "max_pixels")
        const large = yield* Effect.flip(
          sample([{ prompt: { ...prompt, images: [picture(280, 280)] }, key: "large" }], { count: 1, maxTokens: 1 })
        )
        assert.include(large.message, "100 tokens of 1 image (100)")
      }).pipe(Effect.scoped, Effect.provide(live(model)))
    }).pipe(Effect.scoped))

  it.effect("is not scored or trained on either", () =>
    Effect.gen(function*() {
      const model = yield* changed("qwen2-vl", "config.json", { max_position_embeddings: 88 })
      yield* Effect.gen(function*() {
        const policy = yield* Policy
        const text = "a happy face ".repeat(20)
        const objective = Objective.Supervised({ examples: [{ prompt, target: [{ text, weight: 1 }] }] })
        assert.isTrue(
          (yield* Effect.flip(policy.update(objective, { learningRate: 1e-3 }))).cause instanceof TokenBudgetError
        )
        const scoring = Effect.scoped(Effect.flatMap(policy.session, (session) =>
          session.logprobs([{ prompt, tokens: Option.getOrThrow(policy.tokenizer).encode(text) }])))
        assert.isTrue((yield* Effect.flip(scoring)).cause instanceof TokenBudgetError)
      }).pipe(Effect.provide(live(model)))
    }).pipe(Effect.scoped))
})

describe("images of different grids", () => {
  const examples = [
    { images: [picture(84, 140), picture(56, 56)], text: "Compare the two pictures." },
    { images: [picture(112, 56)], text: "What do people feel here?" },
    { images: [], text: "What is a party?" },
    { images: [picture(56, 56), picture(75, 61), picture(84, 140)], text: "Which of them is sad?" }
  ].map((prompt, i) => ({ prompt, target: [{ text: ["joy 67", "sad", "a happy face", "the dragon"][i]!, weight: 1 }] }))
  const update = Effect.gen(function*() {
    const policy = yield* Policy
    yield* policy.beginStage
    return yield* policy.update(Objective.Supervised({ examples }), { learningRate: 1e-3 })
  })

  for (const name of ["qwen2-vl", "qwen2.5-vl"]) {
    it.effect(
      `${name}: one batch through a trained tower has the loss of ready-made visual tokens and of ` +
        `single examples`,
      () =>
        Effect.gen(function*() {
          const [frozen, together, apart] = [
            yield* Effect.provide(update, live(fixture(name))),
            yield* Effect.provide(update, live(fixture(name), { trainable: "all" })),
            yield* Effect.provide(update, live(fixture(name), { trainable: "all", microBatch: 1 }))
          ]
          assert.closeTo(together.loss, frozen.loss, 1e-5)
          assert.closeTo(apart.loss, together.loss, 1e-5)
          assert.closeTo(apart.gradNorm! / together.gradNorm!, 1, 1e-5)
          assert.isAbove(together.gradNorm!, frozen.gradNorm!)
        })
    )

    it.effect(`${name}: so has a fresh adapter on every layer, whatever it drops`, () =>
      Effect.gen(function*() {
        const frozen = yield* Effect.provide(update, live(fixture(name)))
        const adapted = yield* Effect.provide(
          update,
          live(fixture(name), { lora: { rank: 4, targets: "all-linear", dropout: 0.5 } })
        )
        assert.closeTo(adapted.loss, frozen.loss, 1e-5)
        assert.isAbove(adapted.gradNorm!, 0)
      }))
  }
})

describe("a saved directory", () => {
  for (const name of ["qwen2-vl", "qwen2.5-vl"]) {
    it.effect(`${name} loads again with the same weights and element type`, () =>
      Effect.gen(function*() {
        const model = yield* Model.load(fixture(name), { trainable: "all", seed: 0 })
        const target = path.join(yield* folder, "saved")
        yield* Model.save(model, target)
        const again = yield* Model.load(target, { trainable: "all", seed: 0 })
        assert.strictEqual(
          fingerprint(again.store),
          fingerprint(model.store)
        )
        assert.deepStrictEqual(again.dtypes, model.dtypes)
        assert.deepStrictEqual(again.config, model.config)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

    it.effect(`${name} keeps the element type of each tensor where a checkpoint mixes them`, () =>
      Effect.gen(function*() {
        const { files, path: from, store } = yield* Model.load(fixture(name), { trainable: "all", seed: 0 })
        const root = yield* folder
        // As checkpoints of 16 bits have it: norms whole, everything else narrow.
        const tensors = [...store.slices.values()].map(({ length, name, offset, shape }) => ({
          name,
          shape,
          dtype: name.includes("norm") ? "F32" as const : "BF16" as const,
          data: store.data.subarray(offset, offset + length)
        }))
        yield* ModelDirectory.save(path.join(root, "mixed"), { from, files }, tensors)
        const mixed = yield* Model.load(path.join(root, "mixed"), { trainable: "all", seed: 0 })
        yield* Model.save(mixed, path.join(root, "saved"))
        const again = yield* Model.load(path.join(root, "saved"), { trainable: "all", seed: 0 })
        assert.deepStrictEqual(new Set(again.dtypes.values()), new Set(["F32", "BF16"]))
        assert.deepStrictEqual(again.dtypes, mixed.dtypes)
        assert.strictEqual(
          fingerprint(again.store),
          fingerprint(mixed.store)
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
  }
})
