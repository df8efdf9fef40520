/** Elementwise arithmetic with NumPy broadcasting, comparisons and casts. */
import { unbroadcast } from "./broadcast.ts"
import { operands } from "./operands.ts"
import { broadcast } from "./Shape.ts"
import { type DType, type Operator, scalar, single, type Tensor } from "./Tensor.ts"

const emitAs = (type: string): Operator["emit"] => (_, inputs, outputs, to) => to.node(type, inputs, outputs)

const binary = (
  name: string,
  type: string,
  derivative: (a: Tensor, b: Tensor, g: Tensor, y: Tensor) => readonly [() => Tensor, () => Tensor]
) => {
  const op: Operator = {
    name,
    emit: emitAs(type),
    vjp: (node, [g]) => {
      if (g === undefined) return []
      const [a, b] = operands(node.inputs, 2)
      const [da, db] = derivative(a, b, g, node.outputs[0] as Tensor)
      return [
        a.dtype === "f32" ? unbroadcast(da(), a.shape) : undefined,
        b.dtype === "f32" ? unbroadcast(db(), b.shape) : undefined
      ]
    }
  }
  return (a: Tensor, b: Tensor): Tensor => single(op, [a, b], broadcast(name, a.shape, b.shape), a.dtype)
}

export const add = binary("add", "Add", (_a, _b, g) => [() => g, () => g])
export const sub = binary("sub", "Sub", (_a, _b, g) => [() => g, () => neg(g)])
export const mul = binary("mul", "Mul", (a, b, g) => [() => mul(g, b), () => mul(g, a)])
export const div = binary("div", "Div", (_a, b, g, y) => [() => div(g, b), () => neg(div(mul(g, y), b))])
/** Where equal, the gradient goes to the first. */
export const minimum = binary("minimum", "Min", (a, b, g) => {
  const first = cast(lessOrEqual(a, b), "f32")
  return [() => mul(g, first), () => mul(g, sub(scalar(1), first))]
})
/** Where equal, the gradient goes to the first. */
export const maximum = binary("maximum", "Max", (a, b, g) => {
  const first = cast(lessOrEqual(b, a), "f32")
  return [() => mul(g, first), () => mul(g, sub(scalar(1), first))]
})

const compare = (name: string, type: string) => {
  const op: Operator = { name, emit: emitAs(type) }
  return (a: Tensor, b: Tensor): Tensor => single(op, [a, b], broadcast(name, a.shape, b.shape), "bool")
}
export const less = compare("less", "Less")
export const lessOrEqual = compare("lessOrEqual", "LessOrEqual")
export const equals = compare("equals", "Equal")
export const and = compare("and", "And")
export const or = compare("or", "Or")

const notOperator: Operator = { name: "not", emit: emitAs("Not") }
export const not = (a: Tensor): Tensor => single(notOperator, [a], a.shape, "bool")

const unary = (name: string, type: string, derivative: (x: Tensor, y: Tensor, g: Tensor) => Tensor) => {
  const op: Operator = {
    name,
    emit: emitAs(type),
    vjp: (node, [g]) => g === undefined ? [] : [derivative(node.inputs[0] as Tensor, node.outputs[0] as Tensor, g)]
  }
  return (x: Tensor): Tensor => single(op, [x], x.shape)
}

export const neg = unary("neg", "Neg", (_x, _y, g) => neg(g))
export const exp = unary("exp", "Exp", (_x, y, g) => mul(g, y))
export const log = unary("log", "Log", (x, _y, g) => div(g, x))
export const sqrt = unary("sqrt", "Sqrt", (_x, y, g) => div(mul(g, scalar(0.5)), y))
export const sigmoid = unary("sigmoid", "Sigmoid", (_x, y, g) => mul(g, mul(y, sub(scalar(1), y))))
export const tanh = unary("tanh", "Tanh", (_x, y, g) => mul(g, sub(scalar(1), mul(y, y))))
/** d erf(x)/dx = 2/√π · exp(−x²). */
export const erf = unary("erf", "Erf", (x, _y, g) => mul(g, mul(scalar(2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x))))))
/** d cos = −sin and d sin = cos: angles are fed or constant here, so neither needs speed. */
export const cos = unary("cos", "Cos", (x, _y, g) => neg(mul(g, sin(x))))
export const sin = unary("sin", "Sin", (x, _y, g) => mul(g, cos(x)))

const onnxType: Readonly<Record<DType, number>> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9 }
const castOperator: Operator = {
  name: "cast",
  emit: (node, inputs, outputs, to) =>
    to.node("Cast", inputs, outputs, { to: { i: onnxType[(node.outputs[0] as Tensor).dtype] } }),
  vjp: () => []
}
/** Changes the element type; no gradient flows through it. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : single(castOperator, [x], x.shape, dtype)

const whereOperator: Operator = {
  name: "where",
  emit: emitAs("Where"),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [condition, a, b] = operands(node.inputs, 3)
    return [
      undefined,
      unbroadcast(where(condition, g, scalar(0)), a.shape),
      unbroadcast(where(condition, scalar(0), g), b.shape)
    ]
  }
}
/** `a` where the condition holds, else `b`. */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor =>
  single(
    whereOperator,
    [condition, a, b],
    broadcast("where", broadcast("where", condition.shape, a.shape), b.shape),
    a.dtype
  )

const stopOperator: Operator = {
  name: "stopGradient",
  emit: (_, [x], [y], to) => to.alias(y as string, x as string),
  vjp: () => []
}
/** The same value, through which no gradient flows. */
export const stopGradient = (x: Tensor): Tensor => single(stopOperator, [x], x.shape, x.dtype)
