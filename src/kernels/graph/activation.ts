/** Activation functions of the Qwen2-VL family. */
import { add, erf, exp, mul, neg, sigmoid, sub } from "./elementwise.ts"
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
