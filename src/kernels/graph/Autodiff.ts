/**
 * Reverse-mode automatic differentiation over tensor expressions: the gradient is another expression.
 */
import { isCheckpoint } from "./checkpoint.ts"
import { filled, zeros } from "./fill.ts"
import { accumulated } from "./indexing.ts"
import * as Recompute from "./Recompute.ts"
import { fail } from "./Shape.ts"
import type { Node, Tensor } from "./Tensor.ts"

/** Nodes that the tensors depend on, in an order in which every node follows its inputs. */
export const ancestors = (roots: ReadonlyArray<Tensor>): ReadonlyArray<Node> => {
  const seen = new Set<Node>()
  const pending: Array<Node> = roots.map((t) => t.node)
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    for (const { node: next } of node.inputs) pending.push(next)
    if (node.body !== undefined) { for (const { node: next } of node.body.results) pending.push(next) }
  }
  // A node is made after its inputs, so creation order is a topological order.
  return [...seen].sort((a, b) => a.id - b.id)
}

export interface GradientOptions {
  /** Keep only `checkpoint`s for the backward pass and compute what lies between them again. Default false. */
  readonly recompute?: boolean
}

/**
 * Gradients of a scalar with respect to each of `wrt`; zeros where it does not depend on one.
 *
 * @throws ShapeError when `of` is not a scalar, or an operator on the way has no derivative
 */
export const gradients = (
  of: Tensor,
  wrt: ReadonlyArray<Tensor>,
  options: GradientOptions = {}
): ReadonlyArray<Tensor> => {
  if (of.shape.length !== 0) return fail("gradients", "only a scalar has a gradient", of.shape)
  const order = ancestors([of])
  // Only nodes that lead to `wrt` need a cotangent.
  const leads = new Set<Node>(wrt.map((t) => t.node))
  for (const node of order) if (node.inputs.some((t) => leads.has(t.node))) leads.add(node)

  const cotangents = new Map<Node, Array<Tensor | undefined>>()
  const accumulate = (tensor: Tensor, value: Tensor) => {
    if (!leads.has(tensor.node)) return
    const held = cotangents.get(tensor.node) ?? []
    const before = held[tensor.index]
    held[tensor.index] = before === undefined ? value : accumulated(before, value)
    cotangents.set(tensor.node, held)
  }
  accumulate(of, filled(1, []))
  const found = () => wrt.flatMap((t) => cotangents.get(t.node)?.[t.index] ?? [])
  const recompute = options.recompute === true ? Recompute.make(order) : undefined
  const waited = new Set<Tensor>()

  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i] as Node
    const held = cotangents.get(node)
    if (held === undefined || node.inputs.length === 0 || !node.inputs.some((t) => leads.has(t.node))) continue
    if (node.op.vjp === undefined) return fail("gradients", `operator "${node.op.name}" has no derivative`, of.shape)
    if (isCheckpoint(node) && recompute !== undefined) {
      // What hangs on later segments is finished before an earlier one begins: else everything would be kept for it
      // after all.
      const awaited = [...held, ...found()].flatMap((value) => value === undefined || waited.has(value) ? [] : [value])
      awaited.forEach((value) => waited.add(value))
      recompute.reached(node, awaited)
    }
    node.op.vjp(recompute?.again(node) ?? node, held).forEach((value, k) => {
      const target = node.inputs[k]
      if (value !== undefined && target !== undefined) accumulate(target, value)
    })
  }
  return wrt.map((t) => cotangents.get(t.node)?.[t.index] ?? zeros(t.shape))
}
