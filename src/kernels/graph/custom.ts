/** A value with a derivative of its own, where differentiating the way it was computed would be wasteful. */
import { type Operator, single, type Tensor } from "./Tensor.ts"

/**
 * The value `result`, whose gradient with respect to `inputs` is given by `vjp` alone: what lies between is not
 * differentiated.
 */
export const withVjp = (
  result: Tensor,
  inputs: ReadonlyArray<Tensor>,
  vjp: (cotangent: Tensor) => ReadonlyArray<Tensor | undefined>
): Tensor => {
  const op: Operator = {
    name: "custom",
    emit: (_, [x], [y], to) => to.alias(y as string, x as string),
    vjp: (_, [g]) => g === undefined ? [] : [undefined, ...vjp(g)]
  }
  return single(op, [result, ...inputs], result.shape)
}
