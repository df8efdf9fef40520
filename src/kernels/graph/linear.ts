/** Matrix products. */
import { sum, unbroadcast } from "./broadcast.ts"
import { operands } from "./operands.ts"
import { broadcast, fail, type Shape } from "./Shape.ts"
import { type Operator, single, type Tensor } from "./Tensor.ts"

export interface MatmulOptions {
  /** Use the transpose of the last two axes of the left operand. */
  readonly transA?: boolean
  readonly transB?: boolean
  /** Factor on the product. */
  readonly alpha?: number
}

interface Form {
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
}
const form = (attributes: Readonly<Record<string, unknown>>): Form => ({
  transA: attributes["transA"] === 1,
  transB: attributes["transB"] === 1,
  alpha: attributes["alpha"] as number
})

const matmulOperator: Operator = {
  name: "matmul",
  emit: (node, inputs, outputs, to) => {
    const { alpha, transA, transB } = form(node.attributes)
    const [a, b] = operands(node.inputs, 2)
    if (a.shape.length === 2 && b.shape.length === 2) {
      to.node("Gemm", inputs, outputs, {
        transA: { i: Number(transA) },
        transB: { i: Number(transB) },
        alpha: { f: alpha }
      })
    } else if (transA || transB || alpha !== 1) {
      to.node("FusedMatMul", inputs, outputs, {
        transA: { i: Number(transA) },
        transB: { i: Number(transB) },
        alpha: { f: alpha }
      }, "com.microsoft")
    } else {
      to.node("MatMul", inputs, outputs)
    }
  },
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const { alpha, transA, transB } = form(node.attributes)
    const [a, b] = operands(node.inputs, 2)
    const [da, db] = gradients(a, b, g, transA, transB, alpha)
    return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)]
  }
}

/** C = α·op(A)·op(B): each case leaves the transposition to the product, none copies. */
const gradients = (
  a: Tensor,
  b: Tensor,
  g: Tensor,
  transA: boolean,
  transB: boolean,
  alpha: number
): readonly [Tensor, Tensor] => [
  transA ? matmul(b, g, { transA: transB, transB: true, alpha }) : matmul(g, b, { transB: !transB, alpha }),
  transB ? matmul(g, a, { transA: true, transB: transA, alpha }) : matmul(a, g, { transA: !transA, alpha })
]

const last = (shape: Shape, transposed: boolean): readonly [number, number] => {
  const [rows, columns] = shape.slice(-2) as [number, number]
  return transposed ? [columns, rows] : [rows, columns]
}

/** Product over the last two axes; leading axes broadcast. */
export const matmul = (a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor => {
  if (a.shape.length < 2 || b.shape.length < 2) return fail("matmul", "needs at least two axes", a.shape, b.shape)
  const [m, k] = last(a.shape, options.transA ?? false)
  const [k2, n] = last(b.shape, options.transB ?? false)
  if (k !== k2 && k !== -1 && k2 !== -1) return fail("matmul", `inner lengths ${k} and ${k2} differ`, a.shape, b.shape)
  const batch = broadcast("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2))
  return single(matmulOperator, [a, b], [...batch, m, n], "f32", {
    transA: Number(options.transA ?? false),
    transB: Number(options.transB ?? false),
    alpha: options.alpha ?? 1
  })
}

const unpackedOperator: Operator = {
  name: "unpackedMatmul",
  // Of a Gemm onnxruntime would turn the transposition into one of the operands, and the matrix into the right one.
  emit: (_, [x, weight], outputs, to) => {
    const product = to.fresh()
    to.node("FusedMatMul", [weight as string, x as string], [product], { transB: { i: 1 } }, "com.microsoft")
    to.node("Transpose", [product], outputs, { perm: { ints: [1, 0] } })
  },
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [x, weight] = operands(node.inputs, 2)
    return [matmul(g, weight), matmul(g, x, { transA: true })]
  }
}
/**
 * `x · weightᵀ` for few rows and a constant weight, computed as `(weight · xᵀ)ᵀ`: onnxruntime repacks a constant right
 * operand, when the session opens or at every run, and reads a left one as it lies.
 */
export const unpackedMatmul = (x: Tensor, weight: Tensor): Tensor => {
  const [out, inner] = weight.shape as readonly [number, number]
  if (x.shape.length !== 2 || x.shape[1] !== inner) {
    return fail("unpackedMatmul", "rows do not fit the weight", x.shape, weight.shape)
  }
  return single(unpackedOperator, [x, weight], [x.shape[0] as number, out])
}

const linearOperator: Operator = {
  name: "linear",
  emit: (_, inputs, outputs, to) => to.node("Gemm", inputs, outputs, { transB: { i: 1 } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const [x, weight] = operands(node.inputs, 3)
    return [matmul(g, weight), matmul(g, x, { transA: true }), sum(g, [0])]
  }
}
/** `x · weightᵀ + bias` for x `[rows, in]`, weight `[out, in]` (PyTorch's layout), bias `[out]`. */
export const linear = (x: Tensor, weight: Tensor, bias?: Tensor): Tensor => {
  const [out, inner] = weight.shape as [number, number]
  if (x.shape.length !== 2 || x.shape[1] !== inner) {
    return fail("linear", "rows do not fit the weight", x.shape, weight.shape)
  }
  if (bias === undefined) return matmul(x, weight, { transB: true })
  if (bias.shape.length !== 1 || bias.shape[0] !== out) {
    return fail("linear", "bias does not fit the weight", bias.shape, weight.shape)
  }
  return single(linearOperator, [x, weight, bias], [x.shape[0] as number, out])
}
