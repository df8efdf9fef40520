/**
 * Products with a matrix whose rows are stored as blocks of 4- or 8-bit integers, each block with a scale of its own
 * (weight-only quantisation, symmetric): w = scale · (q − 2^(bits − 1)).
 *
 * The matrix is frozen. The forward product reads the integers; the derivative with respect to the other operand is a
 * product with the matrix written out in float32, one matrix at a time.
 */
import { withVjp } from "./custom.ts"
import { add, cast, less } from "./elementwise.ts"
import { reshape, slice } from "./layout.ts"
import { matmul } from "./linear.ts"
import { fail } from "./Shape.ts"
import { constant, type Operator, single, type Tensor } from "./Tensor.ts"

export interface Quantization {
  readonly bits: 4 | 8
  /** Values that share a scale: 16, 32, 64, 128 or 256 neighbours in a row. */
  readonly block: number
}

/** A matrix `[out, inner]`. Rows are padded to whole blocks; the lower half of a byte comes first. */
export interface Quantized extends Quantization {
  readonly out: number
  readonly inner: number
  /** u8 `[out, blocks, block · bits / 8]` */
  readonly blocks: Tensor
  /** u8 `[out, blocks · block · bits / 8]`: the same bytes. */
  readonly rows: Tensor
  /** f32 `[out, blocks]` */
  readonly scales: Tensor
}

/** Blocks of a row. */
export const blocksOf = (inner: number, { block }: Quantization): number => Math.ceil(inner / block)

const productOperator: Operator = {
  name: "quantizedMatmul",
  emit: (node, inputs, outputs, to) => {
    const { bits, block, inner } = node.attributes as Readonly<Record<string, number>>
    to.node("MatMulNBits", inputs, outputs, {
      K: { i: inner as number },
      N: { i: (node.outputs[0] as Tensor).shape.at(-1) as number },
      bits: { i: bits as number },
      block_size: { i: block as number },
      // Packed, 4 bits are multiplied in float32 and differ from an unpacked session by rounding alone. For 8 bits
      // onnxruntime (1.30) has one fast packed kernel, which rounds the activations to 8 bits too.
      accuracy_level: { i: bits === 4 ? 1 : 4 }
    }, "com.microsoft")
  }
}

const dequantizeOperator: Operator = {
  name: "dequantize",
  // Its rows are looked up one after the other: the one operator of onnxruntime that reads this layout in a single
  // pass.
  emit: (node, inputs, outputs, to) => {
    const { bits, block } = node.attributes as Readonly<Record<string, number>>
    to.node("GatherBlockQuantized", inputs, outputs, {
      gather_axis: { i: 0 },
      quantize_axis: { i: 1 },
      bits: { i: bits as number },
      block_size: { i: block as number }
    }, "com.microsoft")
  }
}

const orders = new Map<number, Tensor>()
/** 0 … n − 1, the same constant wherever it is used: a graph holds it once. */
const order = (n: number): Tensor => {
  const made = orders.get(n) ?? constant(BigInt64Array.from({ length: n }, (_, i) => BigInt(i)))
  orders.set(n, made)
  return made
}

/**
 * The matrix in float32, once `awaited` is there: of constants alone it would be written out when the session opens,
 * and all of them held at once.
 */
const written = ({ bits, block, inner, out, rows, scales }: Quantized, awaited: Tensor): Tensor => {
  const first = reshape(awaited.shape.reduce((cut, _, axis) => slice(cut, axis, 0, 1), awaited), [1])
  // Less than itself: 0, whatever it is.
  const indices = add(order(out), cast(less(first, first), "i64"))
  const padded = (scales.shape[1] as number) * block
  const whole = single(dequantizeOperator, [rows, indices, scales], [out, padded], "f32", { bits, block })
  return padded === inner ? whole : slice(whole, 1, 0, inner)
}

/** `x · Wᵀ` for x `[rows, inner]`. */
export const quantizedMatmul = (x: Tensor, weight: Quantized): Tensor => {
  const { bits, block, blocks, inner, out, scales } = weight
  const [rows, width] = x.shape as readonly [number, number]
  if (x.shape.length !== 2 || width !== inner) {
    return fail("quantizedMatmul", "rows do not fit the weight", x.shape, [out, inner])
  }
  const product = single(productOperator, [x, blocks, scales], [rows, out], "f32", { bits, block, inner })
  return withVjp(product, [x], (g) => [matmul(g, written(weight, g))])
}
