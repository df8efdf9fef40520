/** A model's frozen weights as graphs read them from a file: as constants in their place, some of them rounded to a few bits. */
import { blocksOf, input, matmul, type OnnxWriter, type Quantization, type Quantized, quantizedMatmul, type Tensor, transpose } from "../graph/index.ts"
import { type Config, type Lookup, Parameters } from "../models/index.ts"

export interface Frozen {
  /** Matrices that are stored in blocks, by parameter. */
  readonly quantized: ReadonlyMap<string, Quantization>
  /** Where everything lies, by the names of graph inputs: the parameters', and those of `names`. */
  readonly initializers: NonNullable<OnnxWriter.WriteOptions["initializers"]>
}

/** Graph inputs that a quantised parameter has instead of its own. */
export const names = (parameter: string) => ({ blocks: `${parameter}:blocks`, rows: `${parameter}:rows`, scales: `${parameter}:scales` })

/** Bytes of a row. */
export const rowBytes = (inner: number, quantization: Quantization): number =>
  blocksOf(inner, quantization) * quantization.block * quantization.bits / 8

/**
 * Few rows and a matrix that is not packed: the matrix goes first, `(W · xᵀ)ᵀ`. onnxruntime packs no left operand, and reads
 * this one as fast as if it had.
 */
const FEW = 16

/** The rule for products with weights that lie in a file. `parameter` gives those that are stored as they are. */
export const product = (config: Config.Config, { quantized }: Frozen, parameter: (name: string) => Tensor): NonNullable<Lookup["product"]> => {
  const matrices = new Map<string, Quantized>()
  for (const { name, shape: [out = 0, inner = 0] } of Parameters.specs(config)) {
    const quantization = quantized.get(name)
    if (quantization === undefined) continue
    const { bits, block } = quantization
    const count = blocksOf(inner, quantization)
    const own = names(name)
    matrices.set(name, {
      bits, block, out, inner,
      blocks: input(own.blocks, [out, count, block * bits / 8], "u8"),
      rows: input(own.rows, [out, rowBytes(inner, quantization)], "u8"),
      scales: input(own.scales, [out, count])
    })
  }
  return (name, x) => {
    const stored = matrices.get(name)
    if (stored !== undefined) return quantizedMatmul(x, stored)
    return (x.shape[0] as number) > FEW ? undefined : transpose(matmul(parameter(name), x, { transB: true }), [1, 0])
  }
}
