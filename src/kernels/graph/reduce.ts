/** Reductions, and what is chosen by them. */
import { expand } from "./broadcast.ts"
import { mul } from "./elementwise.ts"
import { reduction } from "./reduction.ts"
import { type Operator, scalar, single, type Tensor } from "./Tensor.ts"

export const mean = reduction("mean", "ReduceMean", (x, _y, g, count) => expand(mul(g, scalar(1 / count)), x.shape))
/** No gradient: used for stabilising and for choosing. */
export const max = reduction("max", "ReduceMax")

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
