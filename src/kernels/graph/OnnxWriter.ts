/**
 * Writes tensor expressions as an ONNX model.
 *
 * Equal computations are written once. In a loop body, what does not depend on the turn is written outside.
 */
import { ancestors } from "./Autodiff.ts"
import * as OnnxProto from "./OnnxProto.ts"
import type { Bytes } from "./Protobuf.ts"
import { fail, type Shape } from "./Shape.ts"
import type { DType, Emitter, Node, Tensor, TypedArray } from "./Tensor.ts"

/** An ONNX model and its border, inputs in order of creation. */
export interface Program {
  readonly bytes: Bytes
  readonly inputs: ReadonlyArray<OnnxProto.Port>
  readonly outputs: ReadonlyArray<OnnxProto.Port>
  /** Names of nodes that a GPU must leave to the CPU: see `misfilled`. */
  readonly onHost: ReadonlyArray<string>
}

/**
 * Outputs that onnxruntime's WebGPU provider (1.30) fills with something else, by operator: the inverse deviation of an
 * RMS norm, where it writes the mean. Only derivatives use it.
 */
const misfilled: Readonly<Record<string, number>> = { SimplifiedLayerNormalization: 1 }

export interface WriteOptions {
  /** Inputs that become initializers: weights baked into the model. */
  readonly initializers?: ReadonlyMap<string, TypedArray | OnnxProto.External>
}

const key = (tensor: Tensor): string => `${tensor.node.id}:${tensor.index}`

/** One graph being written: the model's own, or a loop's body inside it. */
class Scope {
  readonly nodes: Array<Bytes> = []
  readonly names = new Map<string, string>()
  readonly #written = new Map<string, ReadonlyArray<string>>()
  readonly #made = new Set<string>()
  readonly #shared: {
    counter: number
    readonly initializers: Array<Bytes>
    readonly constants: Map<string, string>
    /** Values that some node takes. */
    readonly taken: Set<string>
    /** Nodes with a misfilled output, and its name. */
    readonly suspects: Array<{ readonly node: string; readonly output: string }>
  }
  readonly #parent: Scope | undefined

  constructor(parent?: Scope) {
    this.#parent = parent
    this.#shared = parent !== undefined
      ? parent.#shared
      : { counter: 0, initializers: [], constants: new Map(), taken: new Set(), suspects: [] }
  }

  /** Nodes whose misfilled output some node takes, or the model gives. */
  onHost(given: ReadonlySet<string>): ReadonlyArray<string> {
    const { suspects, taken } = this.#shared
    return suspects.filter(({ output }) => taken.has(output) || given.has(output)).map(({ node }) => node)
  }

  get initializers(): ReadonlyArray<Bytes> {
    return this.#shared.initializers
  }

  /** Whether a node of this very graph makes the value. */
  makes(name: string): boolean {
    return this.#made.has(name)
  }

  fresh(): string {
    return `%${this.#shared.counter++}`
  }

  name(tensor: Tensor): string {
    return this.names.get(key(tensor)) ?? this.#parent?.name(tensor) ??
      fail("write", `a value of "${tensor.node.op.name}" is used outside the loop that makes it`, tensor.shape)
  }

  initializer(signature: string, dims: Shape, type: number, data: Bytes | OnnxProto.External): string {
    const held = this.#shared.constants.get(signature)
    if (held !== undefined) return held
    const name = this.fresh()
    this.#shared.initializers.push(OnnxProto.tensor(name, dims, type, data))
    this.#shared.constants.set(signature, name)
    return name
  }

  constant(dtype: DType, shape: Shape, value: TypedArray): string {
    const data = OnnxProto.raw(value)
    const signature = data.length <= 64
      ? `${dtype}[${shape.join()}]${Buffer.from(data).toString("base64")}`
      : `large${this.#shared.counter}`
    return this.initializer(signature, shape, OnnxProto.types[dtype], data)
  }

  emitNode(node: Node): void {
    const inputs = node.inputs.map((t) => this.name(t))
    // Equal operator, attributes and inputs: the value is already there. Bodies and custom rules are left alone.
    const signature = node.body === undefined
      ? `${node.op.name}|${JSON.stringify(node.attributes)}|${inputs.join()}|${node.outputs.map((t) => t.dtype).join()}`
      : undefined
    const held = signature === undefined ? undefined : this.#written.get(signature)
    const outputs = held ?? node.outputs.map(() => this.fresh())
    node.outputs.forEach((t, i) => this.names.set(key(t), outputs[i] as string))
    if (held !== undefined) return
    node.op.emit(node, inputs, outputs, this.#emitter(node))
    if (signature !== undefined) this.#written.set(signature, node.outputs.map((t) => this.name(t)))
  }

  #emitter(current: Node): Emitter {
    return {
      node: (type, inputs, outputs, attributes = {}, domain) => {
        const named = `${type}_${this.#shared.counter++}`
        for (const name of outputs) this.#made.add(name)
        for (const name of inputs) this.#shared.taken.add(name)
        const suspect = outputs[misfilled[type] ?? Infinity]
        if (suspect !== undefined) this.#shared.suspects.push({ node: named, output: suspect })
        this.nodes.push(OnnxProto.node({ name: named, type, inputs, outputs, attributes, domain }))
      },
      fresh: () => this.fresh(),
      ints: (values) => this.constant("i64", [values.length], BigInt64Array.from(values, BigInt)),
      scalar: (value) => this.constant("f32", [], Float32Array.of(value)),
      alias: (_, name) => current.outputs.forEach((t) => this.names.set(key(t), name)),
      body: (node) => this.#body(node)
    }
  }

  #body(node: Node): Bytes {
    const { parameters, results } = node.body ?? fail("write", "a loop without a body")
    const inner = new Scope(this)
    for (const parameter of parameters) inner.names.set(key(parameter), inner.fresh())
    const local = localNodes(node)
    for (const each of ancestors(results)) if (local.has(each) && each.op.name !== "parameter") inner.emitNode(each)
    // A result must be a value of the body itself, named once: an outer value, a parameter or a second use passes
    // through a copy.
    const taken = new Set<string>()
    const outputs = results.map((t) => {
      const made = inner.name(t)
      if (inner.makes(made) && !taken.has(made)) {
        taken.add(made)
        return { name: made, shape: t.shape, dtype: t.dtype }
      }
      const name = this.fresh()
      inner.nodes.push(OnnxProto.identity(made, name))
      return { name, shape: t.shape, dtype: t.dtype }
    })
    const inputs = parameters.map((t) => ({ name: inner.name(t), shape: t.shape, dtype: t.dtype }))
    return OnnxProto.graph("body", inner.nodes, [], inputs, outputs)
  }
}

/** Body nodes that depend on the turn. */
const localNodes = (node: Node): ReadonlySet<Node> => {
  const local = new Set<Node>(node.body?.parameters.map((t) => t.node))
  for (const each of ancestors(node.body?.results ?? [])) {
    if (each.inputs.some((t) => local.has(t.node))) local.add(each)
  }
  return local
}

/** Writes the model that computes the named outputs. */
export const write = (outputs: Readonly<Record<string, Tensor>>, options: WriteOptions = {}): Program => {
  const scope = new Scope()
  const order = ancestors(Object.values(outputs))
  const inBody = new Set<Node>()
  for (const node of order) if (node.body !== undefined) { for (const each of localNodes(node)) inBody.add(each) }

  const inputs: Array<OnnxProto.Port> = []
  for (const node of order) {
    if (inBody.has(node)) continue
    const first = node.outputs[0] as Tensor
    if (node.name !== undefined) {
      const baked = options.initializers?.get(node.name)
      if (baked === undefined) {
        if (inputs.some((port) => port.name === node.name)) {
          fail("write", `two inputs are called "${node.name}"`, first.shape)
        }
        inputs.push({ name: node.name, shape: first.shape, dtype: first.dtype })
        scope.names.set(key(first), node.name)
      } else {
        scope.names.set(key(first), bake(scope, node.name, first, baked))
      }
    } else if (node.value !== undefined) {
      scope.names.set(key(first), scope.constant(first.dtype, first.shape, node.value))
    } else {
      scope.emitNode(node)
    }
  }

  for (const { name, shape } of inputs) if (name in outputs) fail("write", `"${name}" is an input and an output`, shape)
  const ports = Object.entries(outputs).map(([name, { dtype, shape }]) => ({ name, shape, dtype }))
  const results = Object.entries(outputs).map(([name, tensor]) => OnnxProto.identity(scope.name(tensor), name))
  const graph = OnnxProto.graph("rise", [...scope.nodes, ...results], scope.initializers, inputs, ports)
  return {
    bytes: OnnxProto.model(graph),
    inputs,
    outputs: ports,
    onHost: scope.onHost(new Set(Object.values(outputs).map((tensor) => scope.name(tensor))))
  }
}

const bake = (scope: Scope, name: string, tensor: Tensor, baked: TypedArray | OnnxProto.External): string => {
  if (!("location" in baked)) {
    return scope.initializer(`baked:${name}`, tensor.shape, OnnxProto.types[tensor.dtype], OnnxProto.raw(baked))
  }
  const stored = scope.initializer(`baked:${name}`, tensor.shape, OnnxProto.types[baked.dtype], baked)
  if (baked.dtype === "f32" || baked.dtype === "u8") return stored
  const full = scope.fresh()
  scope.nodes.push(OnnxProto.node({
    name: `Cast_${full}`,
    type: "Cast",
    inputs: [stored],
    outputs: [full],
    attributes: { to: { i: OnnxProto.types.f32 } }
  }))
  return full
}
