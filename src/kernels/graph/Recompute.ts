/**
 * Second computations of a graph's segments, for a backward pass that keeps their first inputs alone.
 *
 * A segment is what lies between two `checkpoint`s. Its second computation reads its start through a value that the
 * backward pass has just made. That does two things: no optimiser can take the two computations for one, and none can
 * move the second before the point where it is needed.
 */
import { isCheckpoint } from "./checkpoint.ts"
import { add, less, not, where } from "./elementwise.ts"
import { reshape, slice } from "./layout.ts"
import { type Node, node as makeNode, scalar, type Tensor } from "./Tensor.ts"

export interface Recompute {
  /** The node to differentiate in place of this one. */
  readonly again: (node: Node) => Node
  /** The backward pass has reached this mark: what precedes it may begin once the given values are there. */
  readonly reached: (mark: Node, values: ReadonlyArray<Tensor>) => void
}

/** One value of a tensor, as a scalar. */
const first = (x: Tensor): Tensor => reshape(x.shape.reduce((cut, _, axis) => slice(cut, axis, 0, 1), x), [])

/** `x`, once the values have been computed: true is "not less than itself", whatever they are. */
const after = (x: Tensor, values: ReadonlyArray<Tensor>): Tensor => {
  const seen = values.map(first).reduce((sum, value) => add(sum, value))
  return where(not(less(seen, seen)), x, scalar(0))
}

/** @param order nodes in topological order */
export const make = (order: ReadonlyArray<Node>): Recompute => {
  const marks = order.filter(isCheckpoint)
  // Of each node the last mark that it depends on; what depends on none, or on the very last, is computed once.
  const segments = new Map<Node, number>()
  for (const node of order) {
    const own = marks.indexOf(node)
    segments.set(
      node,
      own >= 0 ? own : node.inputs.reduce((last, { node: from }) => Math.max(last, segments.get(from) ?? -1), -1)
    )
  }
  const starts = new Map<number, Tensor>()
  const copies = new Map<Node, Node>()

  const again = (node: Node): Node => {
    const segment = segments.get(node) ?? -1
    if (!starts.has(segment) || isCheckpoint(node)) return node
    const held = copies.get(node)
    if (held !== undefined) return held
    const inputs = node.inputs.map((tensor) =>
      segments.get(tensor.node) !== segment ? tensor : valueAgain(tensor, segment)
    )
    const made = makeNode(node.op, inputs, node.outputs, node.attributes, {
      ...(node.value && { value: node.value }),
      ...(node.body && { body: node.body })
    })
    const copy = (made[0] as Tensor).node
    copies.set(node, copy)
    return copy
  }
  const valueAgain = (tensor: Tensor, segment: number): Tensor =>
    isCheckpoint(tensor.node) ? starts.get(segment) ?? tensor : again(tensor.node).outputs[tensor.index] ?? tensor

  return {
    again,
    reached: (mark, values) => {
      const segment = (segments.get(mark) ?? 0) - 1
      const start = marks[segment]?.outputs[0]
      if (start !== undefined) starts.set(segment, after(start, values))
    }
  }
}
