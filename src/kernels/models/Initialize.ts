/** Random weights for a model that is trained from nothing. */
import * as Keyed from "../math/Keyed.ts"
import type { Config } from "./Config.ts"
import { specs } from "./Parameters.ts"

export interface NamedTensor {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  readonly data: Float32Array
}

/** Embeddings are also the output matrix: small, so that the first logits are nearly flat. */
const EMBEDDING_DEVIATION = 0.04

const fill = (seed: number, name: string, shape: ReadonlyArray<number>): Float32Array => {
  const data = new Float32Array(shape.reduce((n, d) => n * d, 1))
  if (shape.length === 1) return name.endsWith(".bias") ? data : data.fill(1)
  const inner = data.length / (shape[0] ?? 1)
  const embedding = name.endsWith("embed_tokens.weight") || name === "lm_head.weight"
  const deviation = embedding ? EMBEDDING_DEVIATION : 0.6 / Math.sqrt(inner)
  const random = Keyed.stream(seed, `initialize/${name}`)
  for (let i = 0; i < data.length; i++) data[i] = deviation * random.normal()
  return data
}

/** Norms 1, biases 0, matrices normal with deviation 0.6/√fan-in: each tensor keyed by its name. */
export const random = (config: Config, seed: number): ReadonlyArray<NamedTensor> =>
  specs(config).map(({ name, shape }) => ({ name, shape, data: fill(seed, name, shape) }))
