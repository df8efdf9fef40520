/** What a step costs, counted: none of it depends on the machine, so a tenth more is a loss wherever it is run. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Counts } from "./CountingRuntime.ts"
import { command, complaint, read } from "./figures.ts"
import { costOf } from "./operators.ts"
import { counts } from "./scenarios.ts"

describe("what steps cost", () => {
  it.effect("is what is written down", () =>
    Effect.gen(function*() {
      const said = complaint(read(), yield* counts)
      assert.isUndefined(said, said)
    }))

  const step: Counts = {
    sessions: 2,
    nodes: 300,
    runs: 4,
    kernels: 900,
    products: 1e9,
    bytes: 1e8,
    jobs: 3,
    copied: 100,
    shared: 0
  }

  it("may move by less than a tenth", () => {
    assert.isUndefined(
      complaint({ step }, { step: { ...step, products: 1.09e9, bytes: 0.91e8, copied: 400, shared: 60_000 } })
    )
  })

  it("is told by name where it rises or falls by more, before and after", () => {
    const worse = complaint({ step }, { step: { ...step, products: 1.11e9, sessions: 3, shared: 70_000 } }) ?? ""
    assert.include(worse, "step: products was 1,000,000,000, is 1,110,000,000 (+11.0%)")
    assert.include(worse, "step: sessions was 2, is 3 (+50.0%)")
    assert.include(worse, "step: shared was 0, is 70,000")
    assert.include(worse, command)
    const better = complaint({ step }, { step: { ...step, kernels: 600 } }) ?? ""
    assert.match(better, /^costs a tenth less .*\nstep: kernels was 900, is 600 \(-33\.3%\)$/)
    const other = complaint({ step }, { step, more: step }) ?? ""
    assert.include(other, "more: jobs was none, is 3")
    assert.include(complaint({ step, more: step }, { step }) ?? "", "more: jobs was 3, is none")
  })
})

describe("a kernel's cost", () => {
  const float = (...dims: ReadonlyArray<number>) => ({ float: dims })
  const kernel = (op_name: string, inputs: ReadonlyArray<Record<string, ReadonlyArray<number>>>, output: object) =>
    costOf({ op_name, input_type_shape: inputs, output_type_shape: [output as Record<string, ReadonlyArray<number>>] })

  it("is two operations for every product, whichever operand is transposed", () => {
    const products = 2 * 5 * 7 * 3
    assert.deepStrictEqual(kernel("Gemm", [float(5, 3), float(3, 7)], float(5, 7)), {
      products,
      bytes: 4 * (15 + 21 + 35)
    })
    assert.strictEqual(kernel("Gemm", [float(3, 5), float(7, 3)], float(5, 7)).products, products)
    assert.strictEqual(
      kernel("FusedMatMul", [float(2, 4, 3, 5), float(2, 1, 7, 3)], float(2, 4, 5, 7)).products,
      8 * products
    )
    assert.strictEqual(kernel("MatMulNBits", [float(5, 3), { uint8: [7, 1, 16] }], float(5, 7)).products, products)
    assert.strictEqual(
      kernel("Conv", [float(1, 4, 8, 8), float(6, 4, 2, 2)], float(1, 6, 4, 4)).products,
      2 * 6 * 16 * 4 * 4
    )
  })

  it("is what is read and written elsewhere, and nothing where a value gets another name", () => {
    assert.deepStrictEqual(kernel("Add", [float(4, 2), float(2)], float(4, 2)), { products: 0, bytes: 4 * 18 })
    assert.deepStrictEqual(kernel("Gather", [float(1000, 2), { int32: [3] }], float(3, 2)), {
      products: 0,
      bytes: 4 * (6 + 6 + 3)
    })
    assert.deepStrictEqual(kernel("Reshape", [float(4, 2), { int64: [1] }], float(8)), { products: 0, bytes: 0 })
  })

  it("of an operator that is new here is asked for", () => {
    assert.throws(() => kernel("Sing", [], float(1)), /operator Sing has no cost: give it an entry in .*operators\.ts/)
  })
})
