/** Tensors of one repeated value, written as a scalar that the graph expands: no megabytes of zeros in a model. */
import { type Shape, size } from "./Shape.ts"
import { constant, type Operator, single, type Tensor } from "./Tensor.ts"

const fillOperator: Operator = {
  name: "fill",
  emit: (node, inputs, outputs, to) =>
    to.node("Expand", [inputs[0] as string, to.ints(node.attributes["shape"] as ReadonlyArray<number>)], outputs),
  vjp: () => []
}

export const filled = (value: number, shape: Shape): Tensor => {
  const one = constant(Float32Array.of(value), [])
  return shape.length === 0 || size(shape) === 1 && shape.length === 0
    ? one
    : single(fillOperator, [one], shape, "f32", { shape: [...shape], value })
}

export const zeros = (shape: Shape): Tensor => filled(0, shape)

/** Whether a tensor is known to be all zeros. */
export const isZeros = ({ node }: Tensor): boolean => node.op === fillOperator && node.attributes["value"] === 0
