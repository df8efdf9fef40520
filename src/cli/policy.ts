/**
 * The live policy as flags describe it.
 */
import { Effect, type FileSystem, Layer, type Path } from "effect"
import { OnnxPolicy, type Policy, PolicyError } from "../kernels/policy/index.ts"
import type { Runtime } from "../kernels/runtime/index.ts"
import { ModelDirectory, type WeightsError } from "../kernels/weights/index.ts"
import type { Presets } from "../pipelines/index.ts"
import type { Study } from "./flags.ts"

/** Fails early on what `policy` would fail on late, without reading any weights. */
export const check = (
  { device, model }: Pick<Study, "device" | "model">
): Effect.Effect<void, PolicyError | WeightsError, FileSystem.FileSystem | Path.Path> =>
  device === "cpu"
    ? Effect.asVoid(ModelDirectory.open(model))
    : Effect.fail(new PolicyError({ operation: "load", reason: `device ${device} is not in this version yet: use --device cpu` }))

/** The model on its device. */
export const policy = (
  flags: Pick<Study, "device" | "model" | "seed">,
  trainable: Presets.Preset["trainable"] = "decoder"
): Layer.Layer<Policy, PolicyError | WeightsError, Runtime.Runtime | FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(Effect.as(check(flags), OnnxPolicy.layer({ model: flags.model, seed: flags.seed, trainable })))
