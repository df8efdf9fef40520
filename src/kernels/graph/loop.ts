/** A loop inside the graph: the whole decode runs in one call, with no round trip per token. */
import { fail, type Shape } from "./Shape.ts"
import { type DType, node, type Operator, type Tensor } from "./Tensor.ts"

const parameterOperator: Operator = {
  name: "parameter",
  // The writer names parameters itself inside their body; elsewhere they mean nothing.
  emit: (node) => fail("write", "a loop's parameter is used outside the loop", (node.outputs[0] as Tensor).shape)
}

const loopOperator: Operator = {
  name: "loop",
  emit: (made, inputs, outputs, to) => to.node("Loop", inputs, outputs, { body: { graph: to.body(made) } })
}

export interface LoopTurn {
  /** bool scalar: whether another turn follows. */
  readonly proceed: Tensor
  /** Values handed to the next turn, in the order they came in. */
  readonly carried: ReadonlyArray<Tensor>
  /** Values stacked over the turns. */
  readonly stacked: ReadonlyArray<Tensor>
}

export interface LoopOptions {
  /** Most turns; int64 scalar. */
  readonly trips: Tensor
  /** bool scalar: whether the first turn runs. */
  readonly start: Tensor
  readonly carried: ReadonlyArray<Tensor>
  /** Shapes inside the body, where one differs from its first value: -1 marks a length that grows. */
  readonly shapes?: ReadonlyArray<Shape | undefined>
  /**
   * One turn; `turn` is the int64 scalar 0, 1, 2, … Outer tensors may be used freely: what does not depend on the turn
   * is computed once, outside.
   */
  readonly body: (turn: Tensor, carried: ReadonlyArray<Tensor>) => LoopTurn
}

/** Runs `body` until it says stop. Stacked results gain a leading axis of unknown length (-1). No gradient. */
export const loop = (
  options: LoopOptions
): { readonly carried: ReadonlyArray<Tensor>; readonly stacked: ReadonlyArray<Tensor> } => {
  const parameter = (shape: Shape, dtype: DType) => node(parameterOperator, [], [{ shape, dtype }])[0] as Tensor
  const turn = parameter([], "i64")
  const condition = parameter([], "bool")
  const carried = options.carried.map((value, i) => parameter(options.shapes?.[i] ?? value.shape, value.dtype))
  const result = options.body(turn, carried)
  if (result.carried.length !== carried.length) {
    return fail("loop", "a turn must return as many values as it carries", [carried.length], [result.carried.length])
  }
  const outputs = node(
    loopOperator,
    [options.trips, options.start, ...options.carried],
    [
      ...carried.map(({ dtype, shape }) => ({ dtype, shape })),
      ...result.stacked.map(({ dtype, shape }) => ({ dtype, shape: [-1, ...shape] }))
    ],
    {},
    {
      body: {
        parameters: [turn, condition, ...carried],
        results: [result.proceed, ...result.carried, ...result.stacked]
      }
    }
  )
  return { carried: outputs.slice(0, carried.length), stacked: outputs.slice(carried.length) }
}
