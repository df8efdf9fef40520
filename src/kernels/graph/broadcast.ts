/** Broadcasting and the sum over axes: the derivative of each is the other. */
import { reshape } from "./layout.ts"
import { reduction } from "./reduction.ts"
import { broadcast, equal, fail, type Shape } from "./Shape.ts"
import { type Operator, single, type Tensor } from "./Tensor.ts"

/** Sum over the axes (all when none are given); the reduced axes disappear. */
export const sum = reduction("sum", "ReduceSum", (x, _y, g) => expand(g, x.shape))

/** Sums a cotangent over the dimensions that broadcasting added or stretched. */
export const unbroadcast = (cotangent: Tensor, shape: Shape): Tensor => {
  if (equal(cotangent.shape, shape)) return cotangent
  const extra = cotangent.shape.length - shape.length
  const axes = cotangent.shape.flatMap((d, i) => i < extra || (shape[i - extra] === 1 && d !== 1) ? [i] : [])
  const reduced = axes.length === 0 ? cotangent : sum(cotangent, axes)
  return equal(reduced.shape, shape) ? reduced : reshape(reduced, shape)
}

const expandOperator: Operator = {
  name: "expand",
  emit: (node, inputs, outputs, to) =>
    to.node("Expand", [inputs[0] as string, to.ints(node.attributes["shape"] as ReadonlyArray<number>)], outputs),
  vjp: (node, [g]) => g === undefined ? [] : [unbroadcast(g, (node.inputs[0] as Tensor).shape)]
}
/** Repeats along dimensions of length 1, as broadcasting does. */
export const expand = (x: Tensor, shape: Shape): Tensor => {
  if (equal(x.shape, shape)) return x
  if (!equal(broadcast("expand", x.shape, shape), shape)) return fail("expand", "is not a broadcast", x.shape, shape)
  return single(expandOperator, [x], shape, x.dtype, { shape: [...shape] })
}
