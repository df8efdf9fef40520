/** Row lookup and its adjoint. */
import { expand } from "./broadcast.ts"
import { add } from "./elementwise.ts"
import { isZeros, zeros } from "./fill.ts"
import { reshape, slice } from "./layout.ts"
import { equal, fail } from "./Shape.ts"
import { type Operator, single, type Tensor } from "./Tensor.ts"

const gatherOperator: Operator = {
  name: "gather",
  emit: (_, inputs, outputs, to) => to.node("Gather", inputs, outputs, { axis: { i: 0 } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [table, indices] = node.inputs as unknown as readonly [Tensor, Tensor]
    if (table.dtype !== "f32") return []
    const width = table.shape.slice(1)
    const count = indices.shape.reduce((n, d) => n * d, 1)
    return [scatterAdd(zeros(table.shape), reshape(indices, [count]), reshape(g, [count, ...width]))]
  }
}
/** Rows of `table` `[rows, …]` at int indices of any shape. */
export const gather = (table: Tensor, indices: Tensor): Tensor =>
  single(gatherOperator, [table, indices], [...indices.shape, ...table.shape.slice(1)], table.dtype)

const scatterAddOperator: Operator = {
  name: "scatterAdd",
  // ScatterElements, not ScatterND: the latter's addition races on duplicate indices with two threads.
  emit: (_, inputs, outputs, to) =>
    to.node("ScatterElements", inputs, outputs, { axis: { i: 0 }, reduction: { s: "add" } }),
  vjp: (node, [g]) => g === undefined ? [] : [g, undefined, gather(g, rowIndices(node.inputs[1] as Tensor))]
}
/** a + b; where one is a scatter into zeros, into the other instead: no dense table of zeros is made and added. */
export const accumulated = (a: Tensor, b: Tensor): Tensor => {
  for (const [onto, { node }] of [[a, b], [b, a]] as const) {
    const [target, wide, updates] = node.inputs
    if (
      node.op === scatterAddOperator && target !== undefined && wide !== undefined && updates !== undefined &&
      isZeros(target)
    ) {
      return single(scatterAddOperator, [onto, wide, updates], onto.shape)
    }
  }
  return add(a, b)
}
/** The row numbers back out of their repetition over the columns. */
const rowIndices = (wide: Tensor): Tensor => reshape(slice(wide, 1, 0, 1), [wide.shape[0] as number])
/**
 * Adds `updates` `[n, width]` to the rows of `target` `[rows, width]` named by `indices` `[n]`; duplicates accumulate.
 */
export const scatterAdd = (target: Tensor, indices: Tensor, updates: Tensor): Tensor => {
  if (target.shape.length !== 2 || !equal(updates.shape, [indices.shape[0] as number, target.shape[1] as number])) {
    return fail("scatterAdd", "updates do not fit", target.shape, updates.shape)
  }
  const wide = expand(reshape(indices, [indices.shape[0] as number, 1]), updates.shape)
  return single(scatterAddOperator, [target, wide, updates], target.shape)
}

const pickOperator: Operator = {
  name: "pick",
  emit: (node, [x, indices], outputs, to) => {
    const column = to.fresh()
    const rows = (node.inputs[0] as Tensor).shape[0] as number
    to.node("Reshape", [indices as string, to.ints([rows, 1])], [column])
    const picked = to.fresh()
    to.node("GatherElements", [x as string, column], [picked], { axis: { i: 1 } })
    to.node("Reshape", [picked, to.ints([rows])], outputs)
  }
}
/** `x[i, indices[i]]` for x `[rows, columns]`: `[rows]`. No gradient: scoring has its own rule. */
export const pick = (x: Tensor, indices: Tensor): Tensor =>
  single(pickOperator, [x, indices], [x.shape[0] as number], x.dtype)
