/**
 * A frozen model's weights where sessions map them: every session of every worker reads the same pages of a file, which
 * the system may drop and read again. Nothing of them is in this process's own memory.
 */
import { Effect, type FileSystem, Option } from "effect"
import { type Config, Parameters, Precision } from "../../kernels/models/index.ts"
import { HostTensor } from "../../kernels/runtime/index.ts"
import { Frozen } from "../../kernels/train/index.ts"
import { Safetensors, WeightCache, type WeightsError } from "../../kernels/weights/index.ts"
import type { Found } from "./StoredTensors.ts"

export interface Mapped {
  /** Folder of the file. */
  readonly folder: string
  readonly frozen: Frozen.Frozen
  /** A parameter in full precision, from the directory it came from. */
  readonly read: (name: string) => Effect.Effect<Float32Array, WeightsError, FileSystem.FileSystem>
}

export interface Options {
  /** Whether frozen weights are mapped where they are not quantised; default: from 400 million on. */
  readonly mapWeights?: boolean | undefined
  readonly quantize?: Precision.Rounded | undefined
  /** Folder of the cache. Default: `WeightCache.defaultFolder`. */
  readonly cache?: string | undefined
}

/** From so many weights on a frozen base is mapped: rollouts would not prepack it either. */
const MAP_FROM = 4e8

/** Whether frozen weights are mapped rather than held. */
export const isWanted = (config: Config.Config, { mapWeights, quantize }: Options): boolean =>
  quantize !== undefined ||
  (mapWeights ?? Parameters.specs(config).reduce((n, { shape }) => n + HostTensor.size(shape), 0) >= MAP_FROM)

/**
 * Finds every tensor its place: in the model's own files where they are float32, else in a file of the cache.
 *
 * Weights that are mapped in place are never read as a whole, so of each only beginning, middle and end are looked at:
 * enough to know a model that was saved after a divergence. A copy in the cache was checked, value by value, when it
 * was made.
 */
export const open = Effect.fn("MappedWeights.open")(function*(
  config: Config.Config,
  found: ReadonlyArray<Found>,
  { cache, quantize }: Options
) {
  const quantized = Precision.quantizations(config, quantize ?? "float32")
  const wanted = found.map((tensor): WeightCache.Wanted => ({ ...tensor, quantization: quantized.get(tensor.name) }))
  yield* Effect.forEach(found, ({ location, stored }) => Safetensors.probe(location.header, stored), { discard: true })
  const own = yield* WeightCache.asTheyAre(wanted)
  const { folder, tensors } = Option.isSome(own) ? own.value : yield* WeightCache.open(wanted, { folder: cache })
  const external = (stored: string, input: string, dtype: "f32" | "u8") => {
    const place = tensors.get(stored)
    return place === undefined
      ? []
      : [[input, { location: place.file, offset: place.offset, length: place.length, dtype }] as const]
  }
  const initializers = new Map(
    Parameters.specs(config).flatMap(({ name }) => {
      if (!quantized.has(name)) return external(name, name, "f32")
      const { blocks, rows, scales } = Frozen.names(name)
      const integers = WeightCache.integersOf(name)
      return [
        ...external(integers, blocks, "u8"),
        ...external(integers, rows, "u8"),
        ...external(WeightCache.scalesOf(name), scales, "f32")
      ]
    })
  )
  const stored = new Map(found.map((tensor) => [tensor.name, tensor]))
  const mapped: Mapped = {
    folder,
    frozen: { quantized, initializers },
    read: (name) => {
      const tensor = stored.get(name)
      return tensor === undefined
        ? Effect.die(`the model has no parameter "${name}"`)
        : Safetensors.readFloat32(tensor.location.header, tensor.stored)
    }
  }
  return mapped
})

/** How a session that reads these weights is opened. Prepacked, products are fastest and every session holds a copy. */
export const session = (mapped: Mapped | undefined, prepack = false) =>
  mapped === undefined ? {} : { mapped: { folder: mapped.folder, prepack } }

/**
 * What tells sessions that decode with quantised weights apart from others: for few rows onnxruntime has no fast
 * product with integers that are not prepacked. Frozen, they have one version.
 */
export const prepacked = (mapped: Mapped | undefined): { readonly version: 0 } | undefined =>
  mapped !== undefined && mapped.frozen.quantized.size > 0 ? { version: 0 } : undefined
