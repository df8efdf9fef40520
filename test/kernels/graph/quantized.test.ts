/** Products with quantised matrices against the matrix written out and multiplied in float64. */
import { assert, describe, it } from "@effect/vitest"
import * as G from "../../../src/kernels/graph/index.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Quantize } from "../../../src/kernels/weights/index.ts"
import { dequantize } from "../weights/dequantize.ts"
import { evaluate } from "./onnx.ts"
import { value } from "./reference.ts"

const normal = (key: string, count: number): Float32Array => {
  const random = Keyed.stream(11, key)
  return Float32Array.from({ length: count }, () => random.normal())
}

/** A matrix, its integers and scales, and the values that they stand for. */
const stored = (out: number, inner: number, quantization: G.Quantization) => {
  const values = normal(`${out}x${inner}`, out * inner)
  const count = Quantize.blocksOf(inner, quantization)
  const integers = new Uint8Array(out * Quantize.bytesOf(inner, quantization))
  const scales = new Float32Array(out * count)
  Quantize.quantize(values, inner, quantization, integers, scales)
  const rounded = new Float32Array(values.length)
  dequantize(integers, scales, inner, quantization, rounded)
  const bytes = Quantize.bytesOf(inner, quantization)
  const weight: G.Quantized = {
    ...quantization,
    out,
    inner,
    blocks: G.input("blocks", [out, count, bytes / count], "u8"),
    rows: G.input("rows", [out, bytes], "u8"),
    scales: G.input("scales", [out, count])
  }
  // Named twice, as two views of the same bytes of a file.
  const initializers = new Map<string, Uint8Array | Float32Array>([["blocks", integers], ["rows", integers], [
    "scales",
    scales
  ]])
  return { values, rounded, weight, initializers, integers, scales, count }
}

describe("a quantised product", () => {
  for (const bits of [4, 8] as const) {
    // A row that fills its blocks and one that does not; few rows and many.
    for (const [rows, inner] of [[1, 64], [5, 96], [70, 72]] as const) {
      it(`of ${bits} bits, ${rows} × ${inner}, and its derivative are those of the matrix written out`, async () => {
        const out = 24
        const { initializers, rounded, weight } = stored(out, inner, { bits, block: 32 })
        const [x, g] = [G.input("x", [rows, inner]), G.input("g", [rows, out])]
        const y = G.quantizedMatmul(x, weight)
        const [dx] = G.Autodiff.gradients(G.sum(G.mul(y, g)), [x])
        const feeds = {
          x: value(normal("x", rows * inner), [rows, inner]),
          g: value(normal("g", rows * out), [rows, out])
        }
        const [product, derivative] = await evaluate([y, dx!], feeds, { initializers })
        // Packed products of 8 bits round the other operand to 8 bits as well.
        const tolerance = bits === 8 ? 0.02 : 2e-6
        for (let r = 0; r < rows; r++) {
          for (let o = 0; o < out; o++) {
            let [sum, size] = [0, 0]
            for (let i = 0; i < inner; i++) {
              const term = feeds.x.data[r * inner + i]! * rounded[o * inner + i]!
              sum += term
              size += Math.abs(term)
            }
            assert.isAtMost(Math.abs(product!.data[r * out + o]! - sum), tolerance * size)
          }
          for (let i = 0; i < inner; i++) {
            let [sum, size] = [0, 0]
            for (let o = 0; o < out; o++) {
              const term = feeds.g.data[r * out + o]! * rounded[o * inner + i]!
              sum += term
              size += Math.abs(term)
            }
            assert.isAtMost(Math.abs(derivative!.data[r * inner + i]! - sum), 2e-6 * size)
          }
        }
      })
    }
  }
})

describe("quantisation", () => {
  for (const [bits, most] of [[4, 0.11], [8, 0.007]] as const) {
    it(`to ${bits} bits leaves a normal matrix within ${most} of itself, and is what its own result rounds to`, () => {
      const quantization = { bits, block: 32 } as const
      const { count, integers, rounded, scales, values } = stored(32, 128, quantization)
      const error = Math.sqrt(
        rounded.reduce((n, x, i) => n + (x - values[i]!) ** 2, 0) / values.reduce((n, x) => n + x * x, 0)
      )
      assert.isBelow(error, most)
      assert.isAbove(error, most / 20)
      const again = new Uint8Array(integers.length)
      Quantize.quantize(rounded, 128, quantization, again, new Float32Array(32 * count))
      assert.deepStrictEqual(again, integers)
      // No value is further from itself than a step of its block, which is what the opposite of the largest one is off
      // by.
      values.forEach((x, i) =>
        assert.isAtMost(Math.abs(x - rounded[i]!), Math.abs(scales[Math.floor(i / 32)]!) * 1.001)
      )
    })
  }
  it("keeps zeros", () => {
    const [integers, scales, back] = [new Uint8Array(16), new Float32Array(1), new Float32Array(32).fill(9)]
    Quantize.quantize(new Float32Array(32), 32, { bits: 4, block: 32 }, integers, scales)
    dequantize(integers, scales, 32, { bits: 4, block: 32 }, back)
    assert.deepStrictEqual(back, new Float32Array(32))
  })
})
