/** The messages of an ONNX model (onnx.proto3, IR version 10, opset 20 and com.microsoft 1). */
import { type Bytes, bytes, float, int, join, text } from "./Protobuf.ts"
import type { Shape } from "./Shape.ts"
import type { DType, OnnxAttribute, TypedArray } from "./Tensor.ts"

/** A value of the model's border. */
export interface Port {
  readonly name: string
  readonly shape: Shape
  readonly dtype: DType
}

/** Bytes of an initializer that live in another file (a .safetensors at any offset). */
export interface External {
  readonly location: string
  readonly offset: number
  readonly length: number
  /** Element type in the file; half types are cast to f32 when the session is made. */
  readonly dtype: "f32" | "f16" | "bf16" | "u8"
}

/** ONNX's numbers of element types. */
export const types: Readonly<Record<DType | "f16" | "bf16", number>> = {
  f32: 1,
  u8: 2,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  bf16: 16
}

/** The bytes that an array lies over. */
export const raw = (value: TypedArray): Bytes => new Uint8Array(value.buffer, value.byteOffset, value.byteLength)

/** An initializer. */
export const tensor = (name: string, dims: Shape, type: number, data: Bytes | External): Bytes =>
  join([
    ...dims.map((d) => int(1, d)),
    int(2, type),
    text(8, name),
    ...(data instanceof Uint8Array ? [bytes(9, data)] : [
      ...([["location", data.location], ["offset", String(data.offset)], ["length", String(data.length)]] as const)
        .map(([key, value]) => bytes(13, join([text(1, key), text(2, value)]))),
      int(14, 1)
    ])
  ])

const attribute = (name: string, value: OnnxAttribute): Bytes =>
  join([
    text(1, name),
    ..."i" in value ?
      [int(3, value.i), int(20, 2)]
      : "f" in value ?
      [float(2, value.f), int(20, 1)]
      : "s" in value ?
      [text(4, value.s), int(20, 3)]
      : "ints" in value ?
      [...value.ints.map((x) => int(8, x)), int(20, 7)]
      : [bytes(6, value.graph), int(20, 5)]
  ])

const valueInfo = ({ dtype, name, shape }: Port): Bytes => {
  const dims = shape.map((d) => bytes(1, d === -1 ? new Uint8Array(0) : int(1, d)))
  return join([text(1, name), bytes(2, bytes(1, join([int(1, types[dtype]), bytes(2, join(dims))])))])
}

/** What a node computes, from which values and under which names. */
export interface NodeFields {
  readonly name: string
  readonly type: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  readonly domain?: string | undefined
}

/** A node. */
export const node = ({ attributes = {}, domain, inputs, name, outputs, type }: NodeFields): Bytes =>
  join([
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(3, name),
    text(4, type),
    ...Object.entries(attributes).map(([key, value]) => bytes(5, attribute(key, value))),
    ...(domain === undefined ? [] : [text(7, domain)])
  ])

/** A node that gives a value another name. */
export const identity = (from: string, to: string): Bytes =>
  node({ name: `Identity_${to}`, type: "Identity", inputs: [from], outputs: [to] })

/** A graph, given as the messages of its nodes and initializers. */
export const graph = (
  name: string,
  nodes: ReadonlyArray<Bytes>,
  initializers: ReadonlyArray<Bytes>,
  inputs: ReadonlyArray<Port>,
  outputs: ReadonlyArray<Port>
): Bytes =>
  join([
    ...nodes.map((each) => bytes(1, each)),
    text(2, name),
    ...initializers.map((each) => bytes(5, each)),
    ...inputs.map((port) => bytes(11, valueInfo(port))),
    ...outputs.map((port) => bytes(12, valueInfo(port)))
  ])

/** The model around a graph. */
export const model = (graph: Bytes): Bytes =>
  join([
    int(1, 10),
    text(2, "rise-vlm"),
    bytes(7, graph),
    bytes(8, join([text(1, ""), int(2, 20)])),
    bytes(8, join([text(1, "com.microsoft"), int(2, 1)]))
  ])
