/** A value with a derivative of its own, where differentiating the way it was computed would be wasteful. */
import { type Operator, single, type Tensor } from "./Tensor.ts"

/**
 * The value `result`, whose gradient with respect to `inputs` is given by `vjp` alone: what lies between is not
 * differentiated.
 *
 * @param vjp is given the inputs and the result as the backward pass has them: where a segment is computed again
 * (`checkpoint`), those of the second computation. What it reads of the first one would have to be kept.
 */
export const withVjp = (
  result: Tensor,
  inputs: ReadonlyArray<Tensor>,
  vjp: (cotangent: Tensor, inputs: ReadonlyArray<Tensor>, result: Tensor) => ReadonlyArray<Tensor | undefined>
): Tensor => {
  const op: Operator = {
    name: "custom",
    emit: (_, [x], [y], to) => to.alias(y as string, x as string),
    vjp: (node, [g]) => {
      if (g === undefined) return []
      const [made, ...given] = node.inputs
      return [undefined, ...vjp(g, given, made as Tensor)]
    }
  }
  return single(op, [result, ...inputs], result.shape)
}
