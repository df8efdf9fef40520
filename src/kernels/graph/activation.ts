/** Activation functions. */
import { add, erf, exp, mul, neg, sigmoid, sub, tanh } from "./elementwise.ts"
import { type Operator, scalar, single, type Tensor } from "./Tensor.ts"

const geluOperator: Operator = {
  name: "gelu",
  emit: (_, inputs, outputs, to) => to.node("Gelu", inputs, outputs),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const x = node.inputs[0] as Tensor
    const cdf = mul(scalar(0.5), add(scalar(1), erf(mul(x, scalar(Math.SQRT1_2)))))
    const density = mul(scalar(1 / Math.sqrt(2 * Math.PI)), exp(neg(mul(scalar(0.5), mul(x, x)))))
    return [mul(g, add(cdf, mul(x, density)))]
  }
}
/** x·Φ(x), the exact form (Hendrycks & Gimpel 2016). */
export const gelu = (x: Tensor): Tensor => single(geluOperator, [x], x.shape)

const SQRT_2_PI = Math.sqrt(2 / Math.PI)
const CUBIC = 0.044715

const geluTanhOperator: Operator = {
  name: "geluTanh",
  emit: (_, inputs, outputs, to) => to.node("Gelu", inputs, outputs, { approximate: { s: "tanh" } }),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const x = node.inputs[0] as Tensor
    const square = mul(x, x)
    const t = tanh(mul(mul(scalar(SQRT_2_PI), x), add(scalar(1), mul(scalar(CUBIC), square))))
    const inner = mul(scalar(SQRT_2_PI), add(scalar(1), mul(scalar(3 * CUBIC), square)))
    // ½(1 + t) + ½x(1 − t²)·u′, with t = tanh u.
    const bent = mul(mul(x, sub(scalar(1), mul(t, t))), inner)
    return [mul(g, mul(scalar(0.5), add(add(scalar(1), t), bent)))]
  }
}
/** ½x(1 + tanh(√(2/π)(x + 0.044715x³))), the approximation of `gelu` (Hendrycks & Gimpel 2016). */
export const geluTanh = (x: Tensor): Tensor => single(geluTanhOperator, [x], x.shape)

const quickGeluOperator: Operator = {
  name: "quickGelu",
  emit: (node, inputs, outputs, to) =>
    to.node("QuickGelu", inputs, outputs, { alpha: { f: node.attributes["alpha"] as number } }, "com.microsoft"),
  vjp: (node, [g]) => {
    if (g === undefined) return []
    const x = node.inputs[0] as Tensor
    const y = node.outputs[0] as Tensor
    const alpha = node.attributes["alpha"] as number
    // σ + αxσ(1 − σ) with y = xσ: σ + αy − αyσ, three passes, none with a scalar, which is dearer than two tensors.
    const [s, scaled] = alpha === 1 ? [sigmoid(x), y] : [sigmoid(mul(x, scalar(alpha))), mul(y, scalar(alpha))]
    return [mul(g, add(sub(s, mul(s, scaled)), scaled))]
  }
}
/** x·σ(α·x). α = 1.702 is QuickGELU (Qwen2-VL's vision tower). */
export const quickGelu = (x: Tensor, alpha = 1.702): Tensor => single(quickGeluOperator, [x], x.shape, "f32", { alpha })

/** x·σ(x), also called swish. */
export const silu = (x: Tensor): Tensor => quickGelu(x, 1)
