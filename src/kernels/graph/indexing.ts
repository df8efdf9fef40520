/** Row lookup and its adjoint. */
import { expand } from "./broadcast.ts"
import { add } from "./elementwise.ts"
import { isZeros, zeros } from "./fill.ts"
import { reshape, slice } from "./layout.ts"
import { operands } from "./operands.ts"
import { equal, fail } from "./Shape.ts"
import { node as makeNode, type Operator, single, type Tensor } from "./Tensor.ts"

const gatherOperator: Operator = {
  name: "gather",
  emit: (_, inputs, outputs, to) => to.node("Gather", inputs, outputs, { axis: { i: 0 } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [table, indices] = operands(node.inputs, 2)
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

/** Two ways to hold the same rows: one after the other, or in slots of several tables. */
export interface Slots {
  /** For each table, int `[slots]`: the row that stands in each slot. */
  readonly rowIn: ReadonlyArray<Tensor>
  /** int `[rows]`: the slot that a row stands in, counted through all tables. */
  readonly slotOf: Tensor
}

// Each direction is the other's adjoint, and a lookup both ways, where a gather's adjoint would be a scatter that adds.
// An empty slot and a row that has none name each other: their values are read by nobody, so their gradients are zero.
const dealOperator: Operator = {
  name: "deal",
  emit: (_, [x, , ...rowIn], outputs, to) =>
    rowIn.forEach((rows, i) => to.node("Gather", [x as string, rows], [outputs[i] as string], { axis: { i: 0 } })),
  vjp: (node, cotangents) => {
    if (cotangents.every((g) => g === undefined)) return []
    const [, slotOf, ...rowIn] = operands(node.inputs, 2)
    return [collect(node.outputs.map(({ shape }, i) => cotangents[i] ?? zeros(shape)), { rowIn, slotOf })]
  }
}
const collectOperator: Operator = {
  name: "collect",
  emit: (node, inputs, outputs, to) => {
    const tables = node.attributes["tables"] as number
    const whole = to.fresh()
    to.node("Concat", inputs.slice(0, tables), [whole], { axis: { i: 0 } })
    to.node("Gather", [whole, inputs[tables] as string], outputs, { axis: { i: 0 } })
  },
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const tables = node.attributes["tables"] as number
    const [slotOf, ...rowIn] = operands(node.inputs.slice(tables), 1)
    return deal(g, { rowIn, slotOf })
  }
}
/** Rows `[rows, width]` in their slots: a table `[slots, width]` for each of `rowIn`. */
export const deal = (x: Tensor, { rowIn, slotOf }: Slots): ReadonlyArray<Tensor> =>
  makeNode(
    dealOperator,
    [x, slotOf, ...rowIn],
    rowIn.map(({ shape }) => ({ shape: [...shape, ...x.shape.slice(1)], dtype: x.dtype }))
  )
/** Rows `[rows, width]` out of their slots; `deal`'s inverse. */
export const collect = (tables: ReadonlyArray<Tensor>, { rowIn, slotOf }: Slots): Tensor =>
  single(
    collectOperator,
    [...tables, slotOf, ...rowIn],
    [...slotOf.shape, ...(tables[0]?.shape.slice(1) ?? [])],
    "f32",
    { tables: tables.length }
  )
