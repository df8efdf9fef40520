import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { resample } from "../../../src/kernels/image/index.ts"
import { resampleLoops } from "../../../src/kernels/image/resampleLoops.ts"
import { resampleVectors } from "../../../src/kernels/image/resampleVectors.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"

/** Keys' kernel with real-valued weights and no rounding in between: what the fixed-point code approximates. */
const reference = (data: Uint8Array, from: number, to: number) => {
  const kernel = (x: number) => {
    const t = Math.abs(x)
    return t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : t < 2 ? -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2 : 0
  }
  const spread = Math.max(1, from / to)
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * from / to - 0.5
    let sum = 0
    let total = 0
    for (let j = 0; j < from; j++) {
      const weight = kernel((j - centre) / spread)
      sum += weight * data[j * 3]!
      total += weight
    }
    return Math.min(255, Math.max(0, sum / total))
  })
}

describe("resample", () => {
  const Size = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 40 })))

  it.prop("is cubic convolution along rows and along columns", [Size, Size, Schema.Int], ([from, to, seed]) => {
    const stream = Keyed.stream(seed, "row")
    const data = Uint8Array.from({ length: from * 3 }, () => stream.int(256))
    const expected = reference(data, from, to)
    const rows = resample({ width: from, height: 1, data }, { width: to, height: 1 })
    const columns = resample({ width: 1, height: from, data }, { width: 1, height: to })
    assert.deepStrictEqual(rows.data, columns.data)
    for (let i = 0; i < to; i++) assert.isAtMost(Math.abs(rows.data[i * 3]! - expected[i]!), 0.501)
  }, { arbitrary: { runs: 300 } })

  /** Noise, or black and white alone, where sums are clipped. */
  const picture = (width: number, height: number, seed: number, isHard: boolean) => {
    const stream = Keyed.stream(seed, "picture")
    const data = Uint8Array.from({ length: width * height * 3 }, () => isHard ? 255 * stream.int(2) : stream.int(256))
    return { width, height, data }
  }
  const Side = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 90 })))

  it.prop(
    "is the same on vectors and in plain loops",
    [Side, Side, Side, Side, Schema.Int, Schema.Boolean],
    ([width, height, toWidth, toHeight, seed, isHard]) => {
      const pixels = picture(width, height, seed, isHard)
      const sizes = [[toWidth, toHeight], [toWidth, height], [width, toHeight]]
      for (const [width = 1, height = 1] of sizes) {
        assert.deepStrictEqual(resampleVectors(pixels, { width, height }), resampleLoops(pixels, { width, height }))
      }
    },
    { arbitrary: { runs: 300 } }
  )

  it("is the same strip by strip, and in rows that are wider than a strip", () => {
    const cases = [[700, 900, 644, 500], [300, 1, 20_000, 3], [20_000, 40, 28, 28], [30, 2500, 28, 28]]
    for (const [width = 1, height = 1, toWidth = 1, toHeight = 1] of cases) {
      const [pixels, to] = [picture(width, height, width, false), { width: toWidth, height: toHeight }]
      const found = resampleVectors(pixels, to)?.data ?? new Uint8Array(0)
      assert.strictEqual(Buffer.compare(found, resampleLoops(pixels, to).data), 0)
    }
  })

  it("is left to plain loops where it would take more memory than is kept", () => {
    const tall = { width: 2000, height: 3000, data: new Uint8Array(2000 * 3000 * 3).fill(7) }
    assert.isUndefined(resampleVectors(tall, { width: 1999, height: 1 }))
    assert.deepStrictEqual(resample(tall, { width: 1999, height: 1 }).data, new Uint8Array(1999 * 3).fill(7))
  })

  it("keeps a flat image flat and the same size untouched", () => {
    const flat = { width: 31, height: 17, data: new Uint8Array(31 * 17 * 3).fill(200) }
    assert.isTrue(resample(flat, { width: 50, height: 9 }).data.every((value) => value === 200))
    assert.strictEqual(resample(flat, flat), flat)
  })
})
