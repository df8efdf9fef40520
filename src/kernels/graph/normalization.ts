/** Layer normalisation and root-mean-square normalisation over the last axis. */
import { sum } from "./broadcast.ts"
import { mul, sub } from "./elementwise.ts"
import { reshape } from "./layout.ts"
import { operands } from "./operands.ts"
import { mean } from "./reduce.ts"
import { fail } from "./Shape.ts"
import { node as makeNode, type Operator, type Tensor } from "./Tensor.ts"

const rows = (x: Tensor): ReadonlyArray<number> => [...x.shape.slice(0, -1), 1]
const leading = (x: Tensor): ReadonlyArray<number> => x.shape.slice(0, -1).map((_, i) => i)
const meanLast = (x: Tensor): Tensor => {
  const m = mean(x, [-1])
  return reshape(m, [...m.shape, 1])
}

const layerNormOperator: Operator = {
  name: "layerNorm",
  emit: (node, inputs, outputs, to) =>
    to.node("LayerNormalization", inputs, outputs, {
      axis: { i: -1 },
      epsilon: { f: node.attributes["epsilon"] as number }
    }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [x, weight] = operands(node.inputs, 3)
    const [, centre, inverse] = operands(node.outputs, 3)
    const unit = mul(sub(x, centre), inverse)
    const scaled = mul(g, weight)
    const dx = mul(inverse, sub(sub(scaled, meanLast(scaled)), mul(unit, meanLast(mul(scaled, unit)))))
    return [dx, sum(mul(g, unit), leading(x)), sum(g, leading(x))]
  }
}
/** (x − mean)/√(variance + ε)·weight + bias (Ba et al. 2016). */
export const layerNorm = (x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor => {
  if (weight.shape[0] !== x.shape.at(-1)) return fail("layerNorm", "weight does not fit", x.shape, weight.shape)
  return makeNode(layerNormOperator, [x, weight, bias], [{ shape: x.shape, dtype: "f32" }, {
    shape: rows(x),
    dtype: "f32"
  }, { shape: rows(x), dtype: "f32" }], { epsilon })[0] as Tensor
}

const rmsNormOperator: Operator = {
  name: "rmsNorm",
  emit: (node, inputs, outputs, to) =>
    to.node("SimplifiedLayerNormalization", inputs, outputs, {
      axis: { i: -1 },
      epsilon: { f: node.attributes["epsilon"] as number },
      stash_type: { i: 1 }
    }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [x, weight] = operands(node.inputs, 2)
    const inverse = node.outputs[1] as Tensor
    const unit = mul(x, inverse)
    const scaled = mul(g, weight)
    return [mul(inverse, sub(scaled, mul(unit, meanLast(mul(scaled, unit))))), sum(mul(g, unit), leading(x))]
  }
}
/** x/√(mean(x²) + ε)·weight (Zhang & Sennrich 2019). */
export const rmsNorm = (x: Tensor, weight: Tensor, epsilon: number): Tensor => {
  if (weight.shape[0] !== x.shape.at(-1)) return fail("rmsNorm", "weight does not fit", x.shape, weight.shape)
  return makeNode(rmsNormOperator, [x, weight], [{ shape: x.shape, dtype: "f32" }, { shape: rows(x), dtype: "f32" }], {
    epsilon
  })[0] as Tensor
}
