/** Rotary position embedding (Su et al. 2021) with an angle table a row: serves 1-D, 2-D (vision) and M-RoPE alike. */
import { neg } from "./elementwise.ts"
import { operands } from "./operands.ts"
import { fail } from "./Shape.ts"
import { constant, type Operator, single, type Tensor } from "./Tensor.ts"

const rotaryOperator: Operator = {
  name: "rotary",
  emit: (_, inputs, outputs, to) =>
    to.node("RotaryEmbedding", inputs, outputs, { interleaved: { i: 0 } }, "com.microsoft"),
  // A rotation's adjoint turns back: the same operator with −sin.
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [, positions, cosines, sines] = operands(node.inputs, 4)
    return [single(rotaryOperator, [g, positions, cosines, neg(sines)], g.shape)]
  }
}

/** Row numbers 0…n−1 as `[batch, length]`: each token reads its own row of the angle tables. */
export const rowPositions = (batch: number, length: number): Tensor =>
  constant(BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(i)), [batch, length])

/**
 * Rotates pairs (j, j + d/2) of each head by the angle of its token: `x` is `[batch, heads, length, d]`, or `[batch,
 * length, heads·d]`.
 *
 * @param cosines `[batch·length, d/2]`, as `sines`: row `b·length + t` belongs to token t of sequence b
 */
export const rotary = (x: Tensor, positions: Tensor, cosines: Tensor, sines: Tensor): Tensor => {
  const width = x.shape.at(-1) as number
  const half = cosines.shape[1] as number
  if (x.shape.length === 4 ? width !== 2 * half : x.shape.length !== 3 || width % (2 * half) !== 0) {
    return fail("rotary", "angles do not fit", x.shape, cosines.shape)
  }
  return single(rotaryOperator, [x, positions, cosines, sines], x.shape)
}
