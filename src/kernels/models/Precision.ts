/** Which matrices of a frozen model are stored in fewer bits. */
import type { Quantization } from "../graph/index.ts"
import type { Config } from "./Config.ts"
import { type ParameterSpec, specs } from "./Parameters.ts"

/**
 * How frozen weights are stored: as they are, or rounded. `int8` rounds every linear layer to 8 bits; `int4` the
 * decoder's to 4 and the vision tower's to 8, for it has a fifth of the weights and runs once per image. Embeddings and
 * output matrix stay float32.
 */
export type Precision = "float32" | Rounded

/** The ways to round. */
export const rounded = ["int8", "int4"] as const
/** One of `rounded`. */
export type Rounded = typeof rounded[number]

/** Values that share a scale. */
const BLOCK = 32

const quantizationOf = (precision: Precision, { linear, part }: ParameterSpec): Quantization | undefined =>
  precision === "float32" || !linear
    ? undefined
    : { bits: precision === "int4" && part === "decoder" ? 4 : 8, block: BLOCK }

/** The matrices that are stored in blocks, by name. */
export const quantizations = (config: Config, precision: Precision): ReadonlyMap<string, Quantization> =>
  new Map(
    specs(config).flatMap((spec) => {
      const quantization = quantizationOf(precision, spec)
      return quantization === undefined ? [] : [[spec.name, quantization] as const]
    })
  )
