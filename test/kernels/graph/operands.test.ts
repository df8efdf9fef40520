import { assert, describe, it } from "@effect/vitest"
import { operands } from "../../../src/kernels/graph/operands.ts"
import { scalar } from "../../../src/kernels/graph/Tensor.ts"

describe("operands", () => {
  it("are a node's tensors by their places; too few are a fault of whoever made the node", () => {
    const [a, b, c] = [scalar(1), scalar(2), scalar(3)]
    assert.deepStrictEqual(operands([a, b, c], 2), [a, b, c])
    assert.throws(() => operands([a], 2), /^operands: 2 tensors expected, 1 found/)
  })
})
