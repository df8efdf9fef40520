/**
 * Complete Hugging Face directories of every family against transformers, from files and text to one optimiser step.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { fileURLToPath } from "node:url"
import { sequenceInputs } from "../../../src/kernels/generate/index.ts"
import * as G from "../../../src/kernels/graph/index.ts"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Patchify } from "../../../src/kernels/image/index.ts"
import { Config, head, Parameters, Rope, sequence, vision, visionInputs } from "../../../src/kernels/models/index.ts"
import { HostTensor } from "../../../src/kernels/runtime/index.ts"
import { LossGraphs, Objectives, ParameterStore } from "../../../src/kernels/train/index.ts"
import { Objective, OnnxPolicy, Policy, type Prompt } from "../../../src/policy/index.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import { layOut, type PackedSequence, PositionTable } from "../../../src/policy/onnx/PackedSequences.ts"
import * as Tower from "../../../src/policy/onnx/Tower.ts"
import * as Onnx from "../../kernels/graph/onnx.ts"
import { type Feeds, relativeError, type Value, value } from "../../kernels/graph/reference.ts"
import { arrays, json } from "../../kernels/models/fixture.ts"
import { sharing } from "../workers.ts"
import { weights } from "./weights.ts"

const runtime = sharing()

interface Expected {
  readonly stride: number
  readonly sizes: ReadonlyArray<readonly [height: number, width: number, seed: number]>
  readonly prompt: string
  readonly targets: readonly [string, string]
  readonly input_ids: ReadonlyArray<number>
  readonly grids: ReadonlyArray<readonly [number, number, number]>
  readonly position_ids: ReadonlyArray<ReadonlyArray<number>>
  readonly delta: number
  readonly greedy: ReadonlyArray<number>
  readonly videos: ReadonlyArray<{
    readonly tokens: ReadonlyArray<number>
    readonly grids: ReadonlyArray<readonly [number, number, number]>
    readonly seconds: ReadonlyArray<number>
    readonly positions: ReadonlyArray<ReadonlyArray<number>>
    readonly delta: number
  }>
  readonly loss: number
  readonly grad_norm: number
  readonly adamw: {
    readonly learning_rate: number
    readonly weight_decay: number
    readonly epsilon: number
    readonly clip: number
  }
}

/** As in the fixture script. */
const noise = (height: number, width: number, seed: number): Image.Image =>
  Image.rendered(`${height} × ${width}`, () => {
    const data = new Uint8Array(height * width * 3)
    let x = seed
    for (let i = 0; i < data.length; i++) {
      x = Math.imul(x, 1664525) + 1013904223 >>> 0
      data[i] = x >>> 24
    }
    return { height, width, data }
  })

const furthest = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  assert.strictEqual(found.length, expected.length)
  return Math.max(0, ...Array.from(found, (x, i) => Math.abs(x - expected[i]!)))
}
const strided = (data: ArrayLike<number>, stride: number) =>
  Array.from({ length: Math.ceil(data.length / stride) }, (_, i) => data[i * stride]!)
const fed = (tensors: Readonly<Record<string, HostTensor.HostTensor>>): Feeds =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data, dims }]) => [name, value(data, dims)]))

for (const name of ["qwen2-vl", "qwen2.5-vl", "qwen3-vl"]) {
  const directory = fileURLToPath(new URL(`../../fixtures/parity/${name}`, import.meta.url))
  const given = json<Expected>(`../parity/${name}.json`)
  const tensors = arrays(`../parity/${name}.safetensors`)
  const expected = (key: string): Value => tensors[key]!
  const images = given.sizes.map((size) => noise(...size))
  const prompts: readonly [Prompt, Prompt] = [
    { images: images.slice(0, 2), text: given.prompt },
    { images: images.slice(2), text: given.prompt }
  ]

  /** The directory, its images to be cut into patches, and both prompts as the policy lays them out in one batch. */
  const opened = Effect.runSync(Effect.cached(
    Effect.gen(function*() {
      const model = yield* Model.load(directory, { trainable: "all", seed: 0 })
      const cuts = new Map<Image.Image, Patchify.Cut>()
      for (const image of images) cuts.set(image, yield* model.preprocessor.cut(image))
      const encode = (prompt: Prompt) =>
        model.encoder.prompt(prompt, prompt.images.map((image) => cuts.get(image)!.grid))
      const encoded = [yield* encode(prompts[0]), yield* encode(prompts[1])] as const
      return { model, cuts, encoded, weights: fed(ParameterStore.tensors(model.store)) }
    }).pipe(Effect.provide(NodeServices.layer))
  ))

  /** A batch through the tower, each image with its own grid. */
  const batched = (
    { cuts, encoded, model }: Effect.Success<typeof opened>,
    which: ReadonlyArray<0 | 1>,
    targets: ReadonlyArray<string>
  ) => {
    const { config } = model
    const tokens = targets.map((text) => [...model.encoder.text(text), model.endOfTurn])
    const total = tokens.flat().length
    const sequences = which.map((i): PackedSequence => ({
      prompt: encoded[i],
      images: prompts[i].images,
      candidates: targets.length === 0
        ? []
        : [tokens[i]!.map((token) => ({ token, weight: 1 / total, advantage: 0, oldLogprob: 0, state: 0, left: 0 }))]
    }))
    const rows = Math.max(1, total)
    const visual = Tower.visualRows(config, sequences.flatMap((one) => one.images), { kind: "pixels", cuts })
    const length = 144
    const { tensors } = layOut(config, new PositionTable(config), sequences, {
      batch: which.length,
      length,
      rows,
      visualRows: visual.rows
    }, visual.rowOf)
    const shape: LossGraphs.BatchShape = {
      batch: which.length,
      length,
      rows,
      visual: visual.shape,
      temperature: 1,
      grammarStates: undefined
    }
    if (visual.shape.kind !== "pixels") throw new Error("the tower is not in it")
    return {
      shape,
      visual: { ...visual, shape: visual.shape },
      feeds: fed({ ...tensors, ...visual.feeds(HostTensor.shared) })
    }
  }

  describe(`${name} as transformers has it`, () => {
    it.effect("pixel values and grids", () =>
      Effect.gen(function*() {
        const { cuts, model: { preprocessor } } = yield* opened
        const side = preprocessor.patchSize * preprocessor.mergeSize
        given.sizes.forEach(([height, width], i) => {
          const found = Patchify.patchesOf(cuts.get(images[i]!)!)
          assert.deepStrictEqual(found.grid, given.grids[i])
          const resampled = height % side !== 0 || width % side !== 0
          assert.isAtMost(
            furthest(strided(found.patches, given.stride), expected(`pixels.${i}`).data),
            resampled ? 2e-2 : 1e-6
          )
        })
      }))

    it.effect("token ids, image tokens expanded", () =>
      Effect.map(opened, ({ encoded }) => assert.deepStrictEqual([...encoded[0].tokens], given.input_ids)))

    it.effect("M-RoPE positions, of images and of video in its own time", () =>
      Effect.map(opened, ({ model: { config } }) => {
        const positions = (tokens: ArrayLike<number>, grids: Expected["grids"], intervals: ReadonlyArray<number>) => {
          const { height, next, temporal, width } = Rope.mropePositions(
            tokens,
            config.imageToken,
            config.vision.merge,
            grids,
            intervals
          )
          return { axes: [temporal, height, width].map((axis) => [...axis]), delta: next - tokens.length }
        }
        assert.deepStrictEqual(positions(given.input_ids, given.grids, []), {
          axes: given.position_ids,
          delta: given.delta
        })
        for (const { delta, grids, positions: axes, seconds, tokens } of given.videos) {
          assert.deepStrictEqual(
            positions(tokens, grids, seconds.map((s) => Rope.temporalInterval(config.vision, s))),
            { axes, delta }
          )
        }
      }))

    it.effect("visual tokens and logits", () =>
      Effect.gen(function*() {
        const own = yield* opened
        const { model: { config }, weights } = own
        const { feeds, shape, visual } = batched(own, [0], [])
        // Windows really cut: the grids leave slots of the tower empty.
        assert.isTrue(visual.shape.padded)
        const p = LossGraphs.parameterInputs(config)
        const features = vision(config, p, visionInputs(config, visual.shape))
        const { hidden } = sequence(config, p, sequenceInputs(config, shape.batch, shape.length, features))
        const logits = G.matmul(hidden, head(config, p), { transB: true })
        const [foundFeatures, foundLogits] = yield* Effect.promise(() =>
          Onnx.evaluate([features, logits], { ...weights, ...feeds })
        )
        const wide = Config.visualWidth(config)
        const rows = [...visual.rowOf!].flatMap((
          row
        ) => [...foundFeatures!.data.subarray(row * wide, (row + 1) * wide)])
        assert.isAtMost(furthest(rows, expected("visual").data), 1e-4)
        const real = foundLogits!.data.subarray(0, given.input_ids.length * config.vocabulary)
        assert.isAtMost(furthest(strided(real, given.stride), expected("logits").data), 2e-4)
      }))

    if ("adapted" in tensors) {
      it.effect("logits with an adapter of PEFT, on decoder and tower", () =>
        Effect.gen(function*() {
          const own = yield* opened
          const { model: { config }, weights } = own
          const { adapter } = yield* Model.load(directory, { lora: { adapter: `${directory}-adapter` }, seed: 0 })
          if (adapter === undefined) return assert.fail("no adapter was read")
          const { feeds, shape, visual } = batched(own, [0], [])
          const p = LossGraphs.parameterInputs(config, adapter.lora)
          const features = vision(config, p, visionInputs(config, visual.shape))
          const { hidden } = sequence(config, p, sequenceInputs(config, shape.batch, shape.length, features))
          const [found] = yield* Effect.promise(() =>
            Onnx.evaluate([G.matmul(hidden, head(config, p), { transB: true })], {
              ...weights,
              ...fed(ParameterStore.tensors(adapter.store)),
              ...feeds
            })
          )
          const real = found!.data.subarray(0, given.input_ids.length * config.vocabulary)
          assert.isAtMost(furthest(strided(real, given.stride), expected("adapted").data), 2e-4)
          assert.isAbove(furthest(expected("adapted").data, expected("logits").data), 0.1)
        }).pipe(Effect.provide(NodeServices.layer)))
    }

    it.effect("the gradient of every parameter, through a tower that sees three grids at once", () =>
      Effect.gen(function*() {
        const own = yield* opened
        const { model: { config }, weights } = own
        const { feeds, shape } = batched(own, [0, 1], given.targets)
        const names = Parameters.specs(config).map((spec) => spec.name)
        const p = LossGraphs.parameterInputs(config)
        const { loss } = Objectives.supervised(LossGraphs.logprobs(config, p, shape), G.input("weights", [shape.rows]))
        const [foundLoss, ...gradients] = yield* Effect.promise(() =>
          Onnx.evaluate([loss, ...G.Autodiff.gradients(loss, names.map(p))], { ...weights, ...feeds })
        )
        assert.isAtMost(Math.abs(foundLoss!.data[0]! - given.loss), 1e-5)
        assert.deepStrictEqual(
          names.toSorted(),
          Object.keys(tensors).filter((key) => key.startsWith("gradient.")).map((key) => key.slice(9)).sort()
        )
        names.forEach((parameter, i) =>
          assert.isAtMost(relativeError(gradients[i]!.data, expected(`gradient.${parameter}`).data), 1e-4, parameter)
        )
      }))
  })

  const live = (options: Partial<OnnxPolicy.Options>) =>
    OnnxPolicy.layer({ model: directory, seed: 1, ...options }).pipe(
      Layer.provide(runtime(1)),
      Layer.provide(NodeServices.layer)
    )

  describe(`the live policy on ${name}`, () => {
    it.effect("decodes the same 64 greedy tokens", () =>
      Effect.gen(function*() {
        const session = yield* (yield* Policy).session
        const [group] = yield* session.sample([{ prompt: prompts[0], key: "greedy" }], {
          count: 1,
          maxTokens: 64,
          temperature: 0
        })
        assert.deepStrictEqual([...group![0]!.tokens], given.greedy)
      }).pipe(Effect.scoped, Effect.provide(live({}))))

    it.effect("makes the same step of AdamW", () =>
      Effect.gen(function*() {
        const { adamw, targets } = given
        const policy = yield* Policy
        yield* policy.beginStage
        const stats = yield* policy.update(
          Objective.Supervised({
            examples: prompts.map((prompt, i) => ({ prompt, target: [{ text: targets[i]!, weight: 1 }] }))
          }),
          { learningRate: adamw.learning_rate, weightDecay: adamw.weight_decay, clipNorm: adamw.clip }
        )
        assert.isAtMost(Math.abs(stats.loss - given.loss), 1e-5)
        assert.isAtMost(Math.abs(stats.gradNorm! / given.grad_norm - 1), 1e-5)
        const { store } = (yield* opened).model
        const learned = yield* weights
        for (const { length, name: parameter, offset } of store.slices.values()) {
          const found = strided(learned.subarray(offset, offset + length), given.stride)
          assert.isAtMost(furthest(found, expected(`after.${parameter}`).data), 1e-5, parameter)
          // A step moves values by about its learning rate, so that 1e-5 tells a right one from none.
          const before = strided(store.data.subarray(offset, offset + length), given.stride)
          assert.isAbove(furthest(before, expected(`after.${parameter}`).data), 1e-4, parameter)
        }
      }).pipe(Effect.provide(live({ trainable: "all", optimizer: { epsilon: given.adamw.epsilon } }))))
  })
}
