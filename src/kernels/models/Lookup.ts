/** How a graph reaches the model's numbers: its parameters by name, and what an adapter adds to their products. */
import type { Tensor } from "../graph/index.ts"

/** A parameter of the model as a graph input. */
export interface Lookup {
  (name: string): Tensor
  /** The product of the module called `name` ("model.layers.0.mlp.up_proj") with what an adapter adds to it. Absent: no adapter. */
  readonly adapt?: (name: string, x: Tensor, product: Tensor) => Tensor
}

/** `product`, which is `x` times the matrix of the module called `name`, as the adapter changes it. */
export const adapted = (p: Lookup, name: string, x: Tensor, product: Tensor): Tensor => p.adapt?.(name, x, product) ?? product
