/** How an operator that takes values together along axes is made. */
import { reshape } from "./layout.ts"
import { axis as resolve, fail, type Shape } from "./Shape.ts"
import { type Operator, single, type Tensor } from "./Tensor.ts"

/** The shape with the axes kept at length 1. */
export const kept = (shape: Shape, axes: ReadonlyArray<number>): Shape => shape.map((d, i) => axes.includes(i) ? 1 : d)

/**
 * An operator over axes, all of them when none are given; they disappear. `derivative` gets output and cotangent with
 * the axes kept.
 */
export const reduction = (
  name: string,
  type: string,
  derivative?: (x: Tensor, y: Tensor, g: Tensor, count: number) => Tensor
) => {
  const op: Operator = {
    name,
    emit: (node, inputs, outputs, to) =>
      to.node(type, [inputs[0] as string, to.ints(node.attributes["axes"] as ReadonlyArray<number>)], outputs, {
        keepdims: { i: 0 }
      }),
    ...(derivative && {
      vjp: (node, [g]) => {
        if (g === undefined) return []
        const x = node.inputs[0] as Tensor
        const axes = node.attributes["axes"] as ReadonlyArray<number>
        const shape = kept(x.shape, axes)
        const count = axes.reduce((n, i) => n * (x.shape[i] as number), 1)
        return [derivative(x, reshape(node.outputs[0] as Tensor, shape), reshape(g, shape), count)]
      }
    })
  }
  return (x: Tensor, axes: ReadonlyArray<number> = x.shape.map((_, i) => i)): Tensor => {
    const at = axes.map((i) => resolve(name, x.shape, i))
    if (new Set(at).size !== at.length) return fail(name, "an axis is named twice", x.shape)
    if (at.length === 0) return x
    return single(op, [x], x.shape.filter((_, i) => !at.includes(i)), x.dtype, { axes: at })
  }
}
