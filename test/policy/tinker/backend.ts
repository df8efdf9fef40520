/**
 * The arithmetic behind the engine of the tests: the embedded checkpoint through the live policy's own graphs, but told
 * in the protocol's terms: token ids and pictures in, log-probabilities and accumulated gradients out.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Layer, Path } from "effect"
import { Distance } from "../../../src/kernels/generate/index.ts"
import { Image } from "../../../src/kernels/image/index.ts"
import { HostTensor, Runtime, SharedPool } from "../../../src/kernels/runtime/index.ts"
import { AdamW, LossGraphs, ParameterStore } from "../../../src/kernels/train/index.ts"
import { directoryOf } from "../../../src/policy/Embedded.ts"
import type { Prompt } from "../../../src/policy/index.ts"
import * as Adapter from "../../../src/policy/onnx/Adapter.ts"
import type { PolicyContext } from "../../../src/policy/onnx/Context.ts"
import * as Drafts from "../../../src/policy/onnx/Drafts.ts"
import * as Images from "../../../src/policy/onnx/Images.ts"
import * as LossAndGradients from "../../../src/policy/onnx/LossAndGradients.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import { PositionTable } from "../../../src/policy/onnx/PackedSequences.ts"
import * as Rollouts from "../../../src/policy/onnx/Rollouts.ts"
import * as Score from "../../../src/policy/onnx/Score.ts"
import * as SessionCache from "../../../src/policy/onnx/SessionCache.ts"
import { defaults } from "../../../src/policy/onnx/Settings.ts"
import type { Chunk, Datum } from "../../../src/policy/tinker/Wire.ts"
import { type Backend, BackendError, type Held } from "./contract.ts"
import { remembering } from "./remembering.ts"

export { type Backend, BackendError, type Held } from "./contract.ts"

export interface Options {
  /**
   * Read a prompt once for all neighbours that follow it, as the local policy does: much faster where pictures are
   * asked about several times, and rounded otherwise. Default false.
   */
  readonly packed?: boolean
  /** Of the adapter; 0 trains the decoder itself. Default 0. */
  readonly rank?: number
}

/** A prompt of the policy that stands for token ids: one placeholder a picture. */
const promptOf = (chunks: ReadonlyArray<Chunk>, imageToken: number): Prompt => ({
  images: chunks.flatMap((chunk) =>
    chunk.type === "image" ? [Image.encoded(Buffer.from(chunk.data).toString("base64"), chunk.data)] : []
  ),
  text: chunks.flatMap((chunk) => chunk.type === "image" ? [imageToken] : [...chunk.tokens]).join()
})

/** Of the ratio: none, or those of ppo. */
const boundsOf = (lossFn: string, config: Readonly<Record<string, number>>) =>
  lossFn === "ppo"
    ? { clipLow: config["clip_low_threshold"] ?? 0.8, clipHigh: config["clip_high_threshold"] ?? 1.2 }
    : { clipLow: 0, clipHigh: 1e9 }

/** A sequence's own tokens, visual ones as −1. */
const flat = (chunks: ReadonlyArray<Chunk>): ReadonlyArray<number> =>
  chunks.flatMap((chunk) => chunk.type === "image" ? Array.from({ length: chunk.tokens }, () => -1) : [...chunk.tokens])

/** The first so many positions of a sequence. A cut goes through text alone. */
const take = (chunks: ReadonlyArray<Chunk>, count: number): ReadonlyArray<Chunk> => {
  let left = count
  return chunks.flatMap((chunk): ReadonlyArray<Chunk> => {
    if (left <= 0) return []
    if (chunk.type === "image") {
      left -= chunk.tokens
      return [chunk]
    }
    const own = chunk.tokens.subarray(0, left)
    left -= own.length
    return own.length === 0 ? [] : [{ type: "text", tokens: own }]
  })
}

const make = Effect.fnUntraced(function*({ packed = false, rank = 0 }: Options) {
  /** Sequences as packed ones; of each by itself, or of neighbours behind one prompt together. */
  const together: typeof Drafts.packed = packed ?
    Drafts.packed :
    (sequences, candidates) => sequences.flatMap((sequence, i) => Drafts.packed([sequence], candidates.slice(i, i + 1)))
  const runtime = yield* Runtime.Runtime
  const loaded = yield* Model.load(directoryOf("embedded"), { ...(rank > 0 && { lora: { rank } }), seed: 0 })
  const lora = loaded.adapter?.lora
  const { config, preprocessor, trained } = loaded
  // What comes are ids, not texts.
  const model: Model.Model = {
    ...loaded,
    encoder: {
      text: () => new Int32Array(0),
      prompt: ({ text }, grids) =>
        Effect.sync(() => {
          let image = 0
          const tokens = text.split(",").flatMap((id) => {
            const grid = Number(id) === config.imageToken ? grids[image++] : undefined
            return Array.from({ length: grid === undefined ? 1 : preprocessor.mergedTokens(grid) }, () => Number(id))
          })
          return { tokens: Int32Array.from(tokens), grids }
        })
    }
  }
  const sessions = yield* SessionCache.make
  const weights = {
    ...ParameterStore.tensors(model.store),
    ...(model.adapter && ParameterStore.tensors(model.adapter.store))
  }
  const memory = SharedPool.make(64 * 1024 * 1024)
  const images = yield* Images.make({
    memory,
    config,
    cut: preprocessor.cut,
    sessions,
    name: "policy",
    weights,
    lora,
    mapped: undefined,
    frozen: !model.towerTrained
  })
  let changes = 0
  const context: PolicyContext = {
    memory,
    model,
    runtime,
    sessions,
    images,
    weights,
    version: () => changes,
    packFrom: defaults.packFrom,
    positions: new PositionTable(config),
    seed: 0,
    parameters: () => LossGraphs.parameterInputs(config, lora),
    microBatch: defaults.microBatch,
    microTokens: defaults.microTokens,
    recompute: false,
    rolloutRows: defaults.rolloutRows,
    decode: "loop"
  }
  const optimizer = yield* AdamW.make(trained)
  const buffers = Array.from(
    { length: runtime.workers },
    () => ({ run: ParameterStore.trainableBuffer(trained), total: ParameterStore.trainableBuffer(trained) })
  )
  let inUse: Float32Array | undefined
  /** What the optimiser holds. */
  let moments: AdamW.State | undefined
  const use = Effect.fnUntraced(function*(weights: Float32Array) {
    if (inUse === weights) return
    yield* ParameterStore.copyFrom(trained, weights)
    inUse = weights
    changes++
  })

  /** A datum's tokens, and from where on they are scored: behind its last picture. What stands before is its prompt. */
  const drafted = ({ chunks, inputs }: Datum) => {
    const own = flat(chunks)
    const numbers = (name: string) => inputs[name]?.dtype === "float32" ? inputs[name].data : undefined
    const from = own.lastIndexOf(-1) + 1
    const targets = inputs["target_tokens"]?.data ?? new Int32Array(0)
    const at = (name: string, i: number) => numbers(name)?.[i] ?? 0
    const prompt = promptOf(take(chunks, from + 1), config.imageToken)
    const candidate = (kind: string, factor: number) =>
      Array.from(targets.subarray(from), (token, k) => ({
        token,
        state: 0,
        left: Distance.Need.unlimited,
        weight: kind === "cross_entropy" ? at("weights", from + k) * factor : Number(at("advantages", from + k) !== 0),
        advantage: at("advantages", from + k) * factor,
        oldLogprob: at("logprobs", from + k)
      }))
    return { prompt, candidate, from, length: own.length }
  }

  const failed = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
    Effect.mapError(effect, ({ message }) => new BackendError({ message }))

  const scores = Effect.fnUntraced(function*(data: ReadonlyArray<Datum>) {
    const made = data.map(drafted)
    const drafts = together(
      made,
      made.map(({ candidate }) => candidate("cross_entropy", 1))
    )
    const found = (yield* Score.score(context, drafts, { weights, name: "policy", lora })).flat()
    return made.map(({ from, length }, i) => {
      const all = new Float32Array(length)
      all.set(found[i] ?? [], from)
      return all
    })
  })

  const backend: Backend = {
    fresh: { weights: trained.data.slice(), moments: yield* optimizer.state },
    forward: (held, data) => failed(Effect.andThen(use(held.weights), scores(data))),
    backward: (held, data, { config, lossFn }, factors) =>
      failed(Effect.gen(function*() {
        yield* use(held.weights)
        const made = data.map(drafted)
        const { gradients } = yield* LossAndGradients.lossAndGradients(
          context,
          buffers,
          together(
            made,
            made.map(({ candidate }, i) => candidate(lossFn, factors[i] ?? 1))
          ),
          lossFn === "cross_entropy"
            ? { kind: "supervised", knobs: {}, step: 0 }
            : { kind: "groupRelative", knobs: { ...boundsOf(lossFn, config), klCoefficient: 0 }, step: 0 }
        )
        const [first = new Float32Array(0), ...others] = gradients
        // Where it was added up is used again.
        const total = first.slice()
        for (const other of others) for (let i = 0; i < total.length; i++) total[i]! += other[i]!
        return total
      })),
    optimise: (held, { by, gradients: [first, ...others] }, options) =>
      failed(Effect.gen(function*() {
        yield* use(held.weights)
        // Restoring looks at every number: not for what is there already.
        if (moments !== held.moments) yield* optimizer.restore(held.moments)
        moments = undefined
        const shared = HostTensor.shared.float32(held.weights.length)
        if (first !== undefined) shared.set(first)
        for (const other of others) for (let i = 0; i < shared.length; i++) shared[i]! += other[i]!
        if (by !== 1) { for (let i = 0; i < shared.length; i++) shared[i]! /= by }
        const { gradNorm } = yield* optimizer.step([shared], options)
        const next: Held = { weights: trained.data.slice(), moments: yield* optimizer.state }
        moments = next.moments
        inUse = next.weights
        changes++
        return { held: next, gradNorm }
      })),
    sample: (weights, requests, options) =>
      failed(Effect.gen(function*() {
        yield* use(weights)
        const drawn = yield* Rollouts.sample(
          context,
          requests.map(({ chunks, seed }) => ({ prompt: promptOf(chunks, config.imageToken), key: `seed=${seed}` })),
          options
        )
        return drawn.map((group) => group.map(({ finish, logprobs, tokens }) => ({ stop: finish, tokens, logprobs })))
      })),
    archive: (weights) =>
      failed(Effect.gen(function*() {
        const { adapter } = model
        if (adapter === undefined) {
          return [
            ["adapter_model.safetensors", Buffer.from(Float32Array.from(weights).buffer)],
            ["adapter_config.json", Buffer.from("{\"r\":4}")]
          ] as const
        }
        yield* use(weights)
        const fs = yield* FileSystem.FileSystem
        const { join } = yield* Path.Path
        const at = join(yield* fs.makeTempDirectoryScoped(), "adapter")
        yield* Adapter.save(config, adapter, model.path, at)
        return yield* Effect.forEach(
          yield* fs.readDirectory(at),
          (name) => Effect.map(fs.readFile(join(at, name)), (content) => [name, content] as const)
        )
      })).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  }
  return remembering(backend)
})

/** The embedded checkpoint, ready to be served until the scope ends. With a rank, an adapter is trained. */
export const openWith = (options: Options = {}) =>
  Effect.flatMap(
    Layer.build(Layer.merge(Runtime.layer({ workers: 1, keep: 32 }), NodeServices.layer)),
    (services) => Effect.provideContext(make(options), services)
  )

/** The same, all weights of the decoder trained. */
export const open = openWith()
