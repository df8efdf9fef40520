/**
 * A model's frozen weights as graphs read them from a file: as constants in their place, some of them rounded to a few
 * bits.
 */
import {
  blocksOf,
  input,
  type OnnxWriter,
  type Quantization,
  type Quantized,
  quantizedMatmul,
  type Tensor,
  unpackedMatmul
} from "../graph/index.ts"
import { type Config, type Lookup, Parameters } from "../models/index.ts"

export interface Frozen {
  /** Matrices that are stored in blocks, by parameter. */
  readonly quantized: ReadonlyMap<string, Quantization>
  /** Where everything lies, by the names of graph inputs: the parameters', and those of `names`. */
  readonly initializers: NonNullable<OnnxWriter.WriteOptions["initializers"]>
}

/** Graph inputs that a quantised parameter has instead of its own. */
export const names = (parameter: string) => ({
  blocks: `${parameter}:blocks`,
  rows: `${parameter}:rows`,
  scales: `${parameter}:scales`
})

/** Bytes of a row. */
export const rowBytes = (inner: number, quantization: Quantization): number =>
  blocksOf(inner, quantization) * quantization.block * quantization.bits / 8

/** Rows for which a matrix that is not packed is better read as a left operand: measured, 1.3 to 2 times as fast. */
const isFew = (rows: number): boolean => rows > 1 && rows <= 16

/** The rule for products with weights that lie in a file. `parameter` gives those that are stored as they are. */
export const product = (
  config: Config.Config,
  { quantized }: Frozen,
  parameter: (name: string) => Tensor
): NonNullable<Lookup["product"]> => {
  const matrices = new Map<string, Quantized>()
  for (const { name, shape: [out = 0, inner = 0] } of Parameters.specs(config)) {
    const quantization = quantized.get(name)
    if (quantization === undefined) continue
    const { bits, block } = quantization
    const count = blocksOf(inner, quantization)
    const own = names(name)
    matrices.set(name, {
      bits,
      block,
      out,
      inner,
      blocks: input(own.blocks, [out, count, block * bits / 8], "u8"),
      rows: input(own.rows, [out, rowBytes(inner, quantization)], "u8"),
      scales: input(own.scales, [out, count])
    })
  }
  return (name, x) => {
    const stored = matrices.get(name)
    if (stored !== undefined) return quantizedMatmul(x, stored)
    // Sessions that decode pack the integers, and would pack the output matrix with them: a private copy as large as
    // all of those.
    return quantized.size > 0 || isFew(x.shape[0] as number) ? unpackedMatmul(x, parameter(name)) : undefined
  }
}
