/** The tensors of a node by their places: an operator knows how many it has, its type does not. */
import { fail } from "./Shape.ts"
import type { Tensor } from "./Tensor.ts"

interface Places {
  readonly 1: readonly [Tensor, ...ReadonlyArray<Tensor>]
  readonly 2: readonly [Tensor, Tensor, ...ReadonlyArray<Tensor>]
  readonly 3: readonly [Tensor, Tensor, Tensor, ...ReadonlyArray<Tensor>]
  readonly 4: readonly [Tensor, Tensor, Tensor, Tensor, ...ReadonlyArray<Tensor>]
}

const hold = <N extends keyof Places>(tensors: ReadonlyArray<Tensor>, least: N): tensors is Places[N] =>
  tensors.length >= least

/**
 * A node's inputs or outputs, of which there are at least so many.
 *
 * @throws where there are fewer: a node was made by other than its operator's own function
 */
export const operands = <N extends keyof Places>(tensors: ReadonlyArray<Tensor>, least: N): Places[N] =>
  hold(tensors, least)
    ? tensors
    : fail("operands", `${least} tensors expected, ${tensors.length} found`, ...tensors.map(({ shape }) => shape))
