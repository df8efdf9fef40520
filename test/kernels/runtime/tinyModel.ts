/** The smallest ONNX writer that tests of the runtime need; it shares no code with the project's own. */

const varint = (value: number): Array<number> => {
  const out: Array<number> = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push(rest % 128 + 128)
  return [...out, rest]
}
const int = (field: number, value: number) => [...varint(field * 8), ...varint(value)]
const message = (field: number, ...parts: Array<Array<number>>) => {
  const body = parts.flat()
  return [...varint(field * 8 + 2), ...varint(body.length), ...body]
}
const text = (field: number, value: string) => message(field, [...new TextEncoder().encode(value)])

const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 }

export interface Value {
  readonly name: string
  readonly type: keyof typeof elementTypes
  readonly dims: ReadonlyArray<number | string>
}

export interface Node {
  readonly op: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
}

export interface External extends Value {
  readonly location: string
}

const value = (field: number, { dims, name, type }: Value) => {
  const shape = dims.map((d) => message(1, typeof d === "number" ? int(1, d) : text(2, d)))
  return message(field, text(1, name), message(2, message(1, int(1, elementTypes[type]), message(2, ...shape))))
}

const external = ({ dims, location, name, type }: External) =>
  message(
    5,
    ...dims.map((d) => int(1, Number(d))),
    int(2, elementTypes[type]),
    text(8, name),
    message(13, text(1, "location"), text(2, location)),
    int(14, 1)
  )

export const model = (
  nodes: ReadonlyArray<Node>,
  inputs: ReadonlyArray<Value>,
  outputs: ReadonlyArray<Value>,
  weights: ReadonlyArray<External> = []
): Uint8Array =>
  Uint8Array.from([
    ...int(1, 8),
    ...message(8, text(1, ""), int(2, 17)),
    ...message(
      7,
      ...nodes.map((node) =>
        message(
          1,
          ...node.inputs.map((name) => text(1, name)),
          ...node.outputs.map((name) => text(2, name)),
          text(4, node.op)
        )
      ),
      text(2, "tiny"),
      ...weights.map(external),
      ...inputs.map((input) => value(11, input)),
      ...outputs.map((output) => value(12, output))
    )
  ])

/** sum = a + b over [n] float32. */
export const add = (n: number | string = 4): Uint8Array =>
  model(
    [{ op: "Add", inputs: ["a", "b"], outputs: ["sum"] }],
    [{ name: "a", type: "float32", dims: [n] }, { name: "b", type: "float32", dims: [n] }],
    [{ name: "sum", type: "float32", dims: [n] }]
  )

/** y = x·w·w·…, [n, n]: as long a run as a test asks for. */
export const matMuls = (n: number, count: number): Uint8Array =>
  model(
    Array.from({ length: count }, (_, i) => ({
      op: "MatMul",
      inputs: [i === 0 ? "x" : `x${i}`, "w"],
      outputs: [i === count - 1 ? "y" : `x${i + 1}`]
    })),
    [{ name: "x", type: "float32", dims: [n, n] }, { name: "w", type: "float32", dims: [n, n] }],
    [{ name: "y", type: "float32", dims: [n, n] }]
  )
