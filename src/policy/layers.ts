/**
 * The model under training, and the layers that most scripts want: one that trains, one that asks a server.
 *
 * @module
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import { Device, Runtime } from "../kernels/runtime/index.ts"
import * as Embedded from "./Embedded.ts"
import { environmentKey } from "./environmentKey.ts"
import { OnnxPolicy, OpenAiPolicy, type Policy, type PolicyError, SplitPolicy, TinkerPolicy } from "./index.ts"

export * from "./index.ts"

/** A model that is trained here, and what it runs on. */
export interface OnnxOptions extends Omit<OnnxPolicy.Options, "seed"> {
  /** Seed of every draw. Default 0. */
  readonly seed?: number
  /** Where graphs run. Default "cpu"; `Device.available` lists what this machine has. */
  readonly device?: Device.Device
  /** Worker threads. Default: the cores this process may use; 1 on a GPU. */
  readonly workers?: number
  /**
   * Threads inside one operator of a worker. Default 1; a large model wants one worker with all cores, which holds
   * least memory.
   */
  readonly threadsPerWorker?: number
}

/**
 * A Hugging Face directory as policy, with worker threads and file system of its own. `"embedded"` is the checkpoint
 * that ships with the package.
 *
 * ```ts
 * program.pipe(Effect.provide(Policy.onnx({ model: "embedded" })))
 * ```
 */
export const onnx = (
  { device = "cpu", model, seed = 0, threadsPerWorker, workers, ...options }: OnnxOptions
): Layer.Layer<Policy | OnnxPolicy.Adapters, PolicyError | Runtime.RuntimeError | Device.DeviceError> =>
  OnnxPolicy.layer({ ...options, model: Embedded.directoryOf(model), seed }).pipe(
    Layer.provide(
      Layer.merge(
        Runtime.layer({
          device,
          ...(workers !== undefined && { workers }),
          ...(threadsPerWorker !== undefined && { threadsPerWorker })
        }),
        NodeServices.layer
      )
    )
  )

/** A model behind a server. */
export interface OpenAiOptions extends Omit<OpenAiPolicy.Options, "seed"> {
  /** Seed of every draw. Default 0. */
  readonly seed?: number
}

/**
 * A model behind an OpenAI-compatible server, or several that serve the same: sampled, not trained. The key is `apiKey`
 * or, without one, `OPENAI_API_KEY` of the environment, if it is set.
 *
 * ```ts
 * program.pipe(Effect.provide(Policy.openai({ baseUrl: "https://api.openai.com/v1", model: "gpt-4o" })))
 * ```
 */
export const openai = (
  { seed = 0, ...options }: OpenAiOptions
): Layer.Layer<Policy | OpenAiPolicy.Adapters, PolicyError> =>
  Layer.unwrap(Effect.gen(function*() {
    const apiKey = options.apiKey ?? (yield* environmentKey("OPENAI_API_KEY"))
    return OpenAiPolicy.layer({ ...options, apiKey, seed })
  })).pipe(Layer.provide(NodeHttpClient.layerUndici))

/** A model at an engine. */
export interface TinkerOptions extends Omit<TinkerPolicy.Options, "seed"> {
  /** Seed of every draw. Default 0. */
  readonly seed?: number
}

/**
 * A model that is trained and sampled at an engine which speaks the Tinker protocol. The key is `apiKey` or, without
 * one, `TINKER_API_KEY` of the environment, if it is set.
 *
 * ```ts
 * program.pipe(Effect.provide(Policy.tinker({
 *   baseUrl: "http://gpu-host:8000",
 *   model: "Qwen/Qwen3-VL-8B-Instruct",
 *   tokenizer: "models/Qwen3-VL-8B-Instruct"
 * })))
 * ```
 */
export const tinker = (
  { seed = 0, ...options }: TinkerOptions
): Layer.Layer<Policy | TinkerPolicy.Connection | TinkerPolicy.Adapters, PolicyError> => {
  const known = TinkerPolicy.unknown()
  return Layer.unwrap(Effect.gen(function*() {
    const apiKey = options.apiKey ?? (yield* environmentKey("TINKER_API_KEY"))
    return TinkerPolicy.layer({ ...options, apiKey, seed }, known)
  })).pipe(Layer.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer)))
}

/**
 * A policy that draws on one engine and learns on another: its rollouts are corrected by truncated importance weights,
 * those drawn more than `staleness` updates ago left out.
 *
 * ```ts
 * program.pipe(Effect.provide(Policy.split({
 *   sampler: Policy.openai({ baseUrl: ["http://a:8000/v1", "http://b:8000/v1"], model: "qwen", grammars: true }),
 *   trainer: Policy.onnx({ model: "models/Qwen2-VL-2B-Instruct", lora: { rank: 16 } }),
 *   adapters: { directory: "/shared/adapters" }
 * })))
 * ```
 */
export const split = <E, E2>(
  options: SplitPolicy.Options<E, E2>
): Layer.Layer<Policy, E | E2 | PolicyError> => Layer.provide(SplitPolicy.layer(options), NodeServices.layer)
