/** How a graph reaches the model's numbers: its parameters by name, and what an adapter adds to their products. */
import { add, linear, matmul, type Tensor } from "../graph/index.ts"

/** A parameter of the model as a graph input. */
export interface Lookup {
  (name: string): Tensor
  /**
   * The product of the module called `name` ("model.layers.0.mlp.up_proj") with what an adapter adds to it. Absent: no
   * adapter.
   */
  readonly adapt?: (name: string, x: Tensor, product: Tensor) => Tensor
  /** `x · Wᵀ` of a parameter, where it is made in another way than by a plain product. */
  readonly product?: (parameter: string, x: Tensor) => Tensor | undefined
}

/** `x · Wᵀ` of a parameter `[out, in]`, however it is stored. */
export const product = (p: Lookup, parameter: string, x: Tensor): Tensor =>
  p.product?.(parameter, x) ?? matmul(x, p(parameter), { transB: true })

/** `x · Wᵀ + b` of the module called `name`. */
export const biasedProduct = (p: Lookup, name: string, x: Tensor): Tensor => {
  const own = p.product?.(`${name}.weight`, x)
  return own === undefined ? linear(x, p(`${name}.weight`), p(`${name}.bias`)) : add(own, p(`${name}.bias`))
}

/** `product`, which is `x` times the matrix of the module called `name`, as the adapter changes it. */
export const adapted = (p: Lookup, name: string, x: Tensor, product: Tensor): Tensor =>
  p.adapt?.(name, x, product) ?? product
