/**
 * How many bytes of values a run holds at once, without running it.
 *
 * Follows onnxruntime: nodes run in the order of a depth-first search back from the results, latest node first; an
 * elementwise node writes over an operand that nobody reads again; another takes over the buffer of a dead value of its
 * shape. A buffer lives until the last of the values that share it is dead, also in the time between two of them, which
 * is why the sum of what is alive would be too little. Inputs and constants are not counted: they are there before and
 * after.
 */
import { ancestors } from "./Autodiff.ts"
import { size } from "./Shape.ts"
import type { DType, Node, Tensor } from "./Tensor.ts"

const bytesOf: Readonly<Record<DType, number>> = { f32: 4, i32: 4, i64: 8, bool: 1, u8: 1 }

/** Operators whose result is their first operand under another name. */
const aliases = new Set(["reshape", "custom", "stopGradient", "checkpoint"])
/** Operators that can write over an operand of the same shape. */
const overwriting = new Set([
  "add",
  "sub",
  "mul",
  "div",
  "neg",
  "exp",
  "log",
  "sqrt",
  "sigmoid",
  "tanh",
  "scatterAdd",
  "cast"
])

export interface Options {
  /** What a length that grows inside a loop counts as; its longest. */
  readonly growing?: number
}

/** Memory that values share one after the other: from the node that first writes it to the last that reads it. */
interface Buffer {
  readonly layout: string
  readonly bytes: number
  readonly first: number
  last: number
}

/** Post-order of a depth-first search that follows the latest operand first. */
const schedule = (results: ReadonlyArray<Node>, inside: (node: Node) => boolean): ReadonlyArray<Node> => {
  const seen = new Set<Node>()
  const order: Array<Node> = []
  const stack = [...new Set(results)].sort((a, b) => a.id - b.id).map((node) => ({ node, leaving: false }))
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { leaving, node } = top
    if (leaving) order.push(node)
    if (leaving || seen.has(node) || !inside(node)) continue
    seen.add(node)
    stack.push({ node, leaving: true })
    const operands = [...new Set([...node.inputs, ...(node.body?.results ?? [])].map((t) => t.node))]
    for (const operand of operands.sort((a, b) => a.id - b.id)) {
      if (!seen.has(operand)) stack.push({ node: operand, leaving: false })
    }
  }
  return order
}

/** Computations that are the same are made once, as the writer does. */
const representatives = (nodes: ReadonlyArray<Node>): ReadonlyMap<Node, Node> => {
  const known = new Map<string, Node>()
  const same = new Map<Node, Node>()
  for (const node of nodes) {
    if (node.body !== undefined || node.inputs.length === 0) continue
    const operands = node.inputs.map((t) => `${(same.get(t.node) ?? t.node).id}.${t.index}`)
    const signature = `${node.op.name}|${JSON.stringify(node.attributes)}|${operands.join()}|${
      node.outputs.map((t) => t.dtype).join()
    }`
    const held = known.get(signature)
    if (held === undefined || node.op.name === "custom") known.set(signature, node)
    else same.set(node, held)
  }
  return same
}

/** Most bytes of values alive at one time while the outputs are computed, the outputs included. */
export const peak = (outputs: ReadonlyArray<Tensor>, options: Options = {}): number => {
  const all = ancestors(outputs)
  const inBody = new Set<Node>()
  for (const node of all) for (const each of node.body === undefined ? [] : bodyOf(node)) inBody.add(each)
  return peakOf(all, outputs, (node) => !inBody.has(node), options.growing ?? 0)
}

/** Nodes of a loop's body that depend on the turn. */
const bodyOf = (loop: Node): ReadonlySet<Node> => {
  const local = new Set<Node>(loop.body?.parameters.map((t) => t.node))
  for (const each of ancestors(loop.body?.results ?? [])) {
    if (each.inputs.some((t) => local.has(t.node))) local.add(each)
  }
  return local
}

const peakOf = (
  all: ReadonlyArray<Node>,
  outputs: ReadonlyArray<Tensor>,
  inside: (node: Node) => boolean,
  growing: number
): number => {
  const same = representatives(all)
  // The value that a tensor's bytes belong to.
  const root = ({ index, node }: Tensor): Tensor => {
    const first = (same.get(node) ?? node).outputs[index] as Tensor
    const [operand] = first.node.inputs
    return aliases.has(first.node.op.name) && operand !== undefined && inside(operand.node) ? root(operand) : first
  }
  const bytes = ({ dtype, node, shape }: Tensor): number =>
    node.inputs.length === 0 ? 0 : bytesOf[dtype] * size(shape.map((d) => d === -1 ? growing : d))

  const order = schedule(outputs.map((t) => root(t).node), inside).filter((node) =>
    !same.has(node) && !aliases.has(node.op.name)
  )
  const reads = (
    node: Node
  ): ReadonlyArray<Tensor> => [
    ...new Set([...node.inputs, ...(node.body === undefined ? [] : outerReads(node))].map(root))
  ]
  const readers = new Map<Tensor, number>()
  for (const node of order) for (const value of reads(node)) readers.set(value, (readers.get(value) ?? 0) + 1)
  const kept = new Set(outputs.map(root))

  const buffers: Array<Buffer> = []
  const owner = new Map<Tensor, Buffer>()
  const free = new Map<string, Array<Buffer>>()
  order.forEach((node, at) => {
    const read = reads(node)
    const dying = read.filter((value) => readers.get(value) === 1 && !kept.has(value) && owner.has(value))
    for (const value of node.outputs) {
      if (!kept.has(value) && (readers.get(value) ?? 0) === 0) continue
      const layout = `${bytesOf[value.dtype]}|${value.shape.join()}`
      const over = overwriting.has(node.op.name) && !kept.has(value)
        ? dying.findIndex((each) => owner.get(each)?.layout === layout)
        : -1
      const [overwritten] = over < 0 ? [] : dying.splice(over, 1)
      const taken = (overwritten && owner.get(overwritten)) ?? (kept.has(value) ? undefined : free.get(layout)?.pop())
      const buffer = taken ?? { layout, bytes: bytes(value), first: at, last: at }
      if (taken === undefined) buffers.push(buffer)
      buffer.last = kept.has(value) ? order.length : at
      owner.set(value, buffer)
    }
    for (const value of read) {
      const left = (readers.get(value) ?? 0) - 1
      readers.set(value, left)
      const buffer = owner.get(value)
      if (buffer === undefined || kept.has(value)) continue
      buffer.last = Math.max(buffer.last, at)
      if (left > 0 || node.outputs.some((made) => owner.get(made) === buffer)) continue
      const same = free.get(buffer.layout)
      if (same === undefined) free.set(buffer.layout, [buffer])
      else same.push(buffer)
    }
  })

  const change = new Float64Array(order.length + 2)
  for (const { bytes, first, last } of buffers) {
    change[first] = (change[first] ?? 0) + bytes
    change[last + 1] = (change[last + 1] ?? 0) - bytes
  }
  let held = 0
  let most = 0
  order.forEach((node, at) => {
    held += change[at] ?? 0
    most = Math.max(most, held + (node.body === undefined ? 0 : peakOfBody(node, growing)))
  })
  return most
}

/** Most bytes alive inside one turn of a loop; what it carries is there twice, as it came and as it goes. */
const peakOfBody = (loop: Node, growing: number): number => {
  const local = bodyOf(loop)
  const results = loop.body?.results ?? []
  const carried = (loop.body?.parameters ?? []).reduce(
    (n, { dtype, shape }) => n + bytesOf[dtype] * size(shape.map((d) => d === -1 ? growing : d)),
    0
  )
  return carried + peakOf(ancestors(results), results, (node) => local.has(node), growing)
}

/** Values from outside that a loop's body reads. */
const outerReads = (loop: Node): ReadonlyArray<Tensor> => {
  const local = bodyOf(loop)
  return [...local].flatMap((node) => node.inputs.filter((t) => !local.has(t.node)))
}
