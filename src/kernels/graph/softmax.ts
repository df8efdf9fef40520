/** The softmax and its logarithm's normaliser. */
import { sum } from "./broadcast.ts"
import { exp, mul, sub } from "./elementwise.ts"
import { reshape } from "./layout.ts"
import { kept } from "./reduction.ts"
import { axis as resolve } from "./Shape.ts"
import { type Operator, single, type Tensor } from "./Tensor.ts"

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
