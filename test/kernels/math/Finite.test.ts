import { assert, describe, it } from "@effect/vitest"
import { Finite, Keyed } from "../../../src/kernels/math/index.ts"

describe("the first value beyond a limit", () => {
  it("is what a plain search finds, for any bits and any limit", () => {
    const random = Keyed.stream(1, "bits")
    const values = new Float32Array(64)
    const bits = new Uint32Array(values.buffer)
    for (let i = 0; i < 2000; i++) {
      for (let j = 0; j < bits.length; j++) bits[j] = random.int(2 ** 32)
      for (const limit of [Infinity, 65520, 1, Math.fround(1e-40), Math.fround(Math.exp(20 * random.normal()))]) {
        assert.strictEqual(
          Finite.firstBeyond(values, limit),
          values.findIndex((value) => !(Math.abs(value) < limit))
        )
      }
    }
  })
  it("is none in numbers, and each kind of value that is none", () => {
    const numbers = Float32Array.of(0, -0, 1e-45, -3.4028234663852886e38, 3.4028234663852886e38)
    assert.strictEqual(Finite.firstBeyond(numbers), -1)
    assert.strictEqual(Finite.firstBeyond(new Float32Array(0)), -1)
    for (const odd of [NaN, Infinity, -Infinity]) {
      assert.strictEqual(Finite.firstBeyond(Float32Array.of(...numbers, odd, NaN)), 5)
    }
  })
  it("is found in a part of a buffer", () => {
    const whole = new Float32Array(new SharedArrayBuffer(40)).fill(NaN)
    whole.subarray(2, 8).fill(1)
    assert.strictEqual(Finite.firstBeyond(whole.subarray(2, 8)), -1)
    assert.strictEqual(Finite.firstBeyond(whole.subarray(2, 9)), 6)
  })
})

describe("places", () => {
  it("count as row-major arrays do", () => {
    assert.strictEqual(Finite.placeOf([2, 3, 4], 23), "[1, 2, 3]")
    assert.strictEqual(Finite.placeOf([5], 4), "[4]")
    assert.strictEqual(Finite.placeOf([], 0), "[]")
    assert.strictEqual(Finite.placeOf([151936, 8192], 151936 * 8192 - 1), "[151935, 8191]")
  })
})
