/**
 * The model under training, and the layer that most scripts want.
 */
import { NodeServices } from "@effect/platform-node"
import { Layer } from "effect"
import { OnnxPolicy, type Policy, type PolicyError } from "../kernels/policy/index.ts"
import { Runtime } from "../kernels/runtime/index.ts"

export * from "../kernels/policy/index.ts"

export interface OnnxOptions extends Omit<OnnxPolicy.Options, "seed"> {
  /** Seed of every draw. Default 0. */
  readonly seed?: number
  /** Worker threads. Default: the cores this process may use. */
  readonly workers?: number
}

/**
 * A Hugging Face directory as policy, with worker threads and file system of its own.
 *
 * ```ts
 * program.pipe(Effect.provide(Policy.onnx({ model: "assets/scene-vl" })))
 * ```
 */
export const onnx = ({ seed = 0, workers, ...options }: OnnxOptions): Layer.Layer<Policy | OnnxPolicy.TrainingState | OnnxPolicy.Adapters, PolicyError | Runtime.RuntimeError> =>
  OnnxPolicy.layer({ ...options, seed }).pipe(
    Layer.provide(Layer.merge(Runtime.layer(workers === undefined ? {} : { workers }), NodeServices.layer))
  )
