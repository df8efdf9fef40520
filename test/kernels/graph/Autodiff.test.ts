import { assert, describe, it } from "@effect/vitest"
import * as G from "../../../src/kernels/graph/index.ts"
import { cases, feedsOf, inputsOf, isFloat, scalarOf, seedOf } from "./cases.ts"
import * as Onnx from "./onnx.ts"
import * as Reference from "./reference.ts"

/** Relative error allowed between a derivative and central differences in float64. */
const tolerance = 1e-6

/** d f/d x by central differences, fourth order: the truncation error is far below the tolerance. */
const differences = (f: (x: Reference.Value) => number, x: Reference.Value): Float64Array => {
  const step = 2e-3
  return x.data.map((_, i) => {
    const at = (delta: number) => f({ shape: x.shape, data: x.data.map((v, j) => i === j ? v + delta : v) })
    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
  })
}

describe("gradients agree with central differences in float64", () => {
  for (const given of cases.filter((c) => c.flat === undefined)) {
    it(given.name, () => {
      const inputs = inputsOf(given)
      const y = given.build(...inputs)
      const loss = scalarOf(y)
      const wrt = inputs.filter((_, i) => isFloat(given.arguments[i]!))
      const feeds = { ...feedsOf(given), seed: seedOf(given, y) }
      const gradients = Reference.evaluate(G.Autodiff.gradients(loss, wrt), feeds)
      wrt.forEach((input, k) => {
        const name = input.node.name!
        const expected = differences(
          (x) => Reference.evaluate([loss], { ...feeds, [name]: x })[0]!.data[0]!,
          feeds[name as keyof typeof feeds]
        )
        assert.deepStrictEqual(gradients[k]!.shape, input.shape)
        assert.isAtMost(Reference.relativeError(gradients[k]!.data, expected), tolerance, `gradient of ${name}`)
        assert.isTrue(expected.some((d) => d !== 0), `${name} has no effect: the case checks nothing`)
      })
    })
  }
})

describe("onnxruntime computes values and gradients as the float64 reference does", () => {
  for (const given of cases) {
    it(given.name, async () => {
      const inputs = inputsOf(given)
      const y = given.build(...inputs)
      const feeds = { ...feedsOf(given), seed: seedOf(given, y) }
      const outputs: Array<G.Tensor> = [y]
      if (given.flat === undefined) {
        outputs.push(...G.Autodiff.gradients(scalarOf(y), inputs.filter((_, i) => isFloat(given.arguments[i]!))))
      }
      const expected = Reference.evaluate(outputs, feeds)
      const found = await Onnx.evaluate(outputs, feeds)
      outputs.forEach((t, i) => {
        assert.deepStrictEqual(found[i]!.shape, t.shape)
        assert.isAtMost(
          Reference.relativeError(found[i]!.data, expected[i]!.data),
          1e-5,
          i === 0 ? "value" : `gradient ${i - 1}`
        )
      })
    })
  }
})

describe("what autodiff refuses and leaves out", () => {
  it("differentiates scalars only", () => {
    const x = G.input("x", [2])
    assert.throws(() => G.Autodiff.gradients(x, [x]), /only a scalar/)
  })
  it("names an operator without a derivative that lies on the way", () => {
    const x = G.input("x", [2, 3])
    assert.throws(() => G.Autodiff.gradients(G.sum(G.max(x, [1])), [x]), /"max" has no derivative/)
  })
  it("does not visit what the loss does not depend on", () => {
    const [x, w] = [G.input("x", [2, 3]), G.input("w", [3])]
    const loss = G.sum(G.mul(G.stopGradient(G.reshape(G.max(x, [1]), [2, 1])), w))
    assert.deepStrictEqual([
      ...Reference.evaluate(G.Autodiff.gradients(loss, [w]), {
        x: Reference.value([1, 5, 2, 7, 3, 0], [2, 3]),
        w: Reference.value([1, 1, 1])
      })[0]!.data
    ], [12, 12, 12])
  })
  it("gives zeros for an input that has no effect", () => {
    const [x, w] = [G.input("x", [2]), G.input("w", [3])]
    const [gradient] = G.Autodiff.gradients(G.sum(x), [w])
    assert.deepStrictEqual([...Reference.evaluate([gradient!], {})[0]!.data], [0, 0, 0])
  })
  it("stops at stopGradient", () => {
    const x = G.input("x", [2])
    const [gradient] = G.Autodiff.gradients(G.sum(G.mul(x, G.stopGradient(x))), [x])
    assert.deepStrictEqual([...Reference.evaluate([gradient!], { x: Reference.value([3, 4]) })[0]!.data], [3, 4])
  })
  it("gives a tie of minimum and of maximum to the first", () => {
    for (const f of [G.minimum, G.maximum]) {
      const [x, w] = [G.input("x", [1]), G.input("w", [1])]
      const gradients = G.Autodiff.gradients(G.sum(f(x, w)), [x, w])
      const feeds = { x: Reference.value([2]), w: Reference.value([2]) }
      assert.deepStrictEqual(Reference.evaluate(gradients, feeds).map((v) => v.data[0]), [1, 0])
    }
  })
})

it("every operator of the graph is known to the reference", async () => {
  const source = await import("node:fs/promises")
  const folder = new URL("../../../src/kernels/graph/", import.meta.url)
  const names = new Set<string>()
  for (const file of await source.readdir(folder)) {
    const text = await source.readFile(new URL(file, folder), "utf8")
    for (
      const [, name] of text.matchAll(/(?:Operator = \{\s*name: |(?:binary|unary|compare|reduction)\(\s*)"(\w+)"/g)
    ) names.add(name!)
  }
  assert.isAtLeast(names.size, 40)
  assert.deepStrictEqual([...names].filter((name) => !Reference.known.has(name)), [])
})
