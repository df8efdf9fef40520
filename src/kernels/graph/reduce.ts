/** Reductions and the softmax. */
import { expand, sum } from "./broadcast.ts"
import { exp, mul, sub } from "./elementwise.ts"
import { reshape } from "./layout.ts"
import { kept, reduction } from "./reduction.ts"
import { axis as resolve } from "./Shape.ts"
import { type Operator, scalar, single, type Tensor } from "./Tensor.ts"

export const mean = reduction("mean", "ReduceMean", (x, _y, g, count) => expand(mul(g, scalar(1 / count)), x.shape))
/** No gradient: used for stabilising and for choosing. */
export const max = reduction("max", "ReduceMax")
const logSumExpOperator: Operator = {
  name: "logSumExp",
  // ReduceLogSumExp is not vectorised: its parts together take a quarter of its time.
  emit: (node, [x], [y], to) => {
    const axes = to.ints(node.attributes["axes"] as ReadonlyArray<number>)
    const [top, kept, shifted, powers, mass, logarithm] = [
      to.fresh(),
      to.fresh(),
      to.fresh(),
      to.fresh(),
      to.fresh(),
      to.fresh()
    ]
    to.node("ReduceMax", [x as string, axes], [kept], { keepdims: { i: 1 } })
    to.node("Sub", [x as string, kept], [shifted])
    to.node("Exp", [shifted], [powers])
    to.node("ReduceSum", [powers, axes], [mass], { keepdims: { i: 0 } })
    to.node("Log", [mass], [logarithm])
    to.node("Reshape", [kept, to.ints((node.outputs[0] as Tensor).shape)], [top])
    to.node("Add", [logarithm, top], [y as string])
  },
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const x = node.inputs[0] as Tensor
    const shape = kept(x.shape, node.attributes["axes"] as ReadonlyArray<number>)
    return [mul(reshape(g, shape), exp(sub(x, reshape(node.outputs[0] as Tensor, shape))))]
  }
}
/** log Σ exp over the axes, stable; the reduced axes disappear. */
export const logSumExp = (x: Tensor, axes: ReadonlyArray<number>): Tensor => {
  const at = axes.map((i) => resolve("logSumExp", x.shape, i))
  return single(logSumExpOperator, [x], x.shape.filter((_, i) => !at.includes(i)), "f32", { axes: at })
}

const softmaxOperator: Operator = {
  name: "softmax",
  emit: (_, inputs, outputs, to) => to.node("Softmax", inputs, outputs, { axis: { i: -1 } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const y = node.outputs[0] as Tensor
    const weighted = mul(g, y)
    const total = sum(weighted, [-1])
    return [sub(weighted, mul(y, reshape(total, [...total.shape, 1])))]
  }
}
/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => single(softmaxOperator, [x], x.shape)

const argmaxOperator: Operator = {
  name: "argmax",
  emit: (_, inputs, outputs, to) => to.node("ArgMax", inputs, outputs, { axis: { i: -1 }, keepdims: { i: 0 } })
}
/** Index of the largest value along the last axis, the first one on ties; int64. */
export const argmax = (x: Tensor): Tensor => single(argmaxOperator, [x], x.shape.slice(0, -1), "i64")

const cumsumOperator: Operator = {
  name: "cumulativeSum",
  emit: (_, [x], outputs, to) => to.node("CumSum", [x as string, to.ints([-1])], outputs)
}
/** Running sum along the last axis. */
export const cumulativeSum = (x: Tensor): Tensor => single(cumsumOperator, [x], x.shape, x.dtype)

const sortOperator: Operator = {
  name: "sortDescending",
  emit: (node, [x], outputs, to) =>
    to.node("TopK", [x as string, to.ints([(node.inputs[0] as Tensor).shape.at(-1) as number])], [
      outputs[0] as string,
      to.fresh()
    ], {
      axis: { i: -1 }
    })
}
/** The values of the last axis, largest first. */
export const sortDescending = (x: Tensor): Tensor => single(sortOperator, [x], x.shape)
