/**
 * The live policy as flags describe it.
 */
import { Effect, type FileSystem, Layer, Option, type Path } from "effect"
import * as Policies from "../dsl/Policy.ts"
import { OnnxPolicy, type Policy, type PolicyError } from "../kernels/policy/index.ts"
import type { Runtime } from "../kernels/runtime/index.ts"
import { ModelDirectory, type WeightsError } from "../kernels/weights/index.ts"
import type { Presets } from "../pipelines/index.ts"
import type { Remote, Study } from "./flags.ts"

type Flags = Pick<Study, "model" | "seed"> & Partial<Pick<Study, "lora">> & Partial<Remote> & { readonly adapter?: Option.Option<string> }

/** The policy behind the server that the flags name, if they name one. */
const server = ({ remote = Option.none(), remoteModel = "", seed }: Flags) =>
  Option.map(remote, (baseUrl) => Policies.openai({ baseUrl, model: remoteModel, seed }))

/** Fails early on what `policy` would fail on late: reads no weights, sends nothing. */
export const check = (flags: Flags): Effect.Effect<void, PolicyError | WeightsError, FileSystem.FileSystem | Path.Path> =>
  Option.match(server(flags), {
    onNone: () => Effect.asVoid(ModelDirectory.open(flags.model)),
    onSome: (asked) => Effect.scoped(Effect.asVoid(Layer.build(asked)))
  })

type Adapter = NonNullable<OnnxPolicy.Options["lora"]>

/** The model on the workers' device, with an adapter where one is asked for: on every linear layer where the tower is to be trained too. */
const local = (flags: Flags, trainable: Presets.Preset["trainable"] = "decoder") => {
  const lora = Option.orElse(
    Option.map(flags.adapter ?? Option.none(), (adapter): Adapter => ({ adapter })),
    () => Option.map(flags.lora ?? Option.none(), (rank): Adapter => ({ rank, ...(trainable === "all" && { targets: "all-linear" }) }))
  )
  const trained = Option.match(lora, { onNone: () => ({ trainable }), onSome: (lora) => ({ lora }) })
  return Layer.unwrap(Effect.as(check(flags), OnnxPolicy.layer({ model: flags.model, seed: flags.seed, ...trained })))
}

/** The model on the workers' device, or behind a server. */
export const policy = (
  flags: Flags,
  trainable?: Presets.Preset["trainable"]
): Layer.Layer<Policy, PolicyError | WeightsError, Runtime.Runtime | FileSystem.FileSystem | Path.Path> =>
  Option.match(server(flags), {
    onNone: (): ReturnType<typeof policy> => local(flags, trainable),
    onSome: (asked): ReturnType<typeof policy> => asked
  })

/** Whether answers are masked: a server shows no tokens to mask. */
export const masking = ({ remote }: Remote): "mask" | "off" => Option.isSome(remote) ? "off" : "mask"

/** What run.json calls the model. */
export const named = ({ model, remote, remoteModel }: Pick<Study, "model"> & Remote): string =>
  Option.match(remote, { onNone: () => model, onSome: (baseUrl) => `${remoteModel} at ${baseUrl}` })
