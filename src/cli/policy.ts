/**
 * The live policy as flags describe it.
 */
import { Effect, type FileSystem, Layer, Option, type Path } from "effect"
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

type Adapter = NonNullable<OnnxPolicy.Options["lora"]>

/** The model on its device, with an adapter where one is asked for: on every linear layer where the tower is to be trained too. */
export const policy = (
  flags: Pick<Study, "device" | "model" | "seed"> & Partial<Pick<Study, "lora">> & { readonly adapter?: Option.Option<string> },
  trainable: Presets.Preset["trainable"] = "decoder"
): Layer.Layer<Policy, PolicyError | WeightsError, Runtime.Runtime | FileSystem.FileSystem | Path.Path> => {
  const lora = Option.orElse(
    Option.map(flags.adapter ?? Option.none(), (adapter): Adapter => ({ adapter })),
    () => Option.map(flags.lora ?? Option.none(), (rank): Adapter => ({ rank, ...(trainable === "all" && { targets: "all-linear" }) }))
  )
  const trained = Option.match(lora, { onNone: () => ({ trainable }), onSome: (lora) => ({ lora }) })
  return Layer.unwrap(Effect.as(check(flags), OnnxPolicy.layer({ model: flags.model, seed: flags.seed, ...trained })))
}
