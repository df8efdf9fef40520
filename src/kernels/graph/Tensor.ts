/**
 * Tensor expressions: an immutable graph of nodes with static shapes.
 *
 * A node carries its operator, and the operator carries its own derivative and its own ONNX form, so adding an
 * operator touches one file.
 */
import { fail, type Shape, size } from "./Shape.ts"

/** Element types. Every floating tensor is `f32` when run; tests evaluate the same graph in float64. */
export type DType = "f32" | "i64" | "i32" | "bool" | "u8"

export type TypedArray = Float32Array | Int32Array | BigInt64Array | Uint8Array

export type Attribute = number | string | ReadonlyArray<number>
export type Attributes = Readonly<Record<string, Attribute>>

/** What an operator may write to the ONNX graph. */
export interface Emitter {
  readonly node: (
    type: string,
    inputs: ReadonlyArray<string>,
    outputs: ReadonlyArray<string>,
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: "com.microsoft"
  ) => void
  /** A name no other value has. */
  readonly fresh: () => string
  /** An int64 vector initializer (shapes, axes). */
  readonly ints: (values: ReadonlyArray<number>) => string
  /** A float scalar initializer. */
  readonly scalar: (value: number) => string
  /** Declares that the value called `alias` is the value called `name`. */
  readonly alias: (alias: string, name: string) => void
  /** Writes a subgraph for `Loop`; captured outer values are reached by name. */
  readonly body: (node: Node) => Uint8Array
}

export type OnnxAttribute =
  | { readonly i: number }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly ints: ReadonlyArray<number> }
  | { readonly graph: Uint8Array }

export interface Operator {
  readonly name: string
  /**
   * Vector-Jacobian product: from the cotangents of the outputs (undefined: no gradient reaches it) to those of the
   * inputs. Absent where no derivative exists (comparisons, integer work).
   */
  readonly vjp?: (node: Node, cotangents: ReadonlyArray<Tensor | undefined>) => ReadonlyArray<Tensor | undefined>
  readonly emit: (node: Node, inputs: ReadonlyArray<string>, outputs: ReadonlyArray<string>, to: Emitter) => void
}

export interface Node {
  readonly id: number
  readonly op: Operator
  readonly inputs: ReadonlyArray<Tensor>
  readonly attributes: Attributes
  readonly outputs: ReadonlyArray<Tensor>
  /** Data of a constant. */
  readonly value?: TypedArray
  /** Name of a graph input. */
  readonly name?: string
  /** Body of a loop. */
  readonly body?: Body
}

/** The subgraph of a `Loop`: its parameters and what one turn returns. */
export interface Body {
  readonly parameters: ReadonlyArray<Tensor>
  readonly results: ReadonlyArray<Tensor>
}

export interface Tensor {
  readonly node: Node
  /** Which output of the node. */
  readonly index: number
  readonly shape: Shape
  readonly dtype: DType
}

let counter = 0

/** Makes a node; `outputs` gives shape and element type of each output. */
export const node = (
  op: Operator,
  inputs: ReadonlyArray<Tensor>,
  outputs: ReadonlyArray<{ readonly shape: Shape; readonly dtype: DType }>,
  attributes: Attributes = {},
  extra: { readonly value?: TypedArray; readonly name?: string; readonly body?: Body } = {}
): ReadonlyArray<Tensor> => {
  const tensors: Array<Tensor> = []
  const made: Node = { id: counter++, op, inputs, attributes, outputs: tensors, ...extra }
  outputs.forEach(({ dtype, shape }, index) => tensors.push({ node: made, index, shape, dtype }))
  return tensors
}

/** Makes a node with one output. */
export const single = (
  op: Operator,
  inputs: ReadonlyArray<Tensor>,
  shape: Shape,
  dtype: DType = "f32",
  attributes: Attributes = {}
): Tensor => node(op, inputs, [{ shape, dtype }], attributes)[0] as Tensor

const inputOperator: Operator = { name: "input", emit: () => {} }
const constantOperator: Operator = { name: "constant", emit: () => {} }

/** A value fed on every run (or bound once when the session opens). Names starting with `%` are reserved. */
export const input = (name: string, shape: Shape, dtype: DType = "f32"): Tensor => {
  if (name.startsWith("%") || name === "") return fail("input", `name "${name}" is reserved`, shape)
  return node(inputOperator, [], [{ shape, dtype }], {}, { name })[0] as Tensor
}

const dtypeOf = (value: TypedArray): DType =>
  value instanceof Float32Array
    ? "f32"
    : value instanceof Int32Array
    ? "i32"
    : value instanceof BigInt64Array
    ? "i64"
    : "u8"

/** A value written into the model. */
export const constant = (value: TypedArray, shape: Shape = [value.length]): Tensor => {
  if (size(shape) !== value.length) return fail("constant", `${value.length} values do not fill the shape`, shape)
  return node(constantOperator, [], [{ shape, dtype: dtypeOf(value) }], {}, { value })[0] as Tensor
}

export const scalar = (value: number): Tensor => constant(Float32Array.of(value), [])
