/** Marks in a graph from which its backward pass may compute again what it needs (Chen et al. 2016). */
import { type Node, type Operator, single, type Tensor } from "./Tensor.ts"

const checkpointOperator: Operator = {
  name: "checkpoint",
  emit: (_, [x], [y], to) => to.alias(y as string, x as string),
  vjp: (_, [g]) => [g]
}

/**
 * The same value. Between two marks nothing has to be kept for the backward pass when gradients are taken with
 * `recompute`: it starts again from the first of the two.
 */
export const checkpoint = (x: Tensor): Tensor => single(checkpointOperator, [x], x.shape, x.dtype)

export const isCheckpoint = (node: Node): boolean => node.op === checkpointOperator
