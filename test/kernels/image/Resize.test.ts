import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as fs from "node:fs"
import { Resize } from "../../../src/kernels/image/index.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"

const { smart } = JSON.parse(fs.readFileSync(new URL("../../fixtures/image.json", import.meta.url), "utf8"))

const qwen = { factor: 28, minPixels: 56 * 56, maxPixels: 14 * 14 * 4 * 1280 }

describe("smartResize", () => {
  it("gives the sizes of transformers", () => {
    assert.deepStrictEqual(Resize.smartResize(561, 278, qwen), Result.succeed({ height: 560, width: 280 }))
    for (const [height, width, factor, minPixels, maxPixels, h, w] of smart) {
      const size = Resize.smartResize(height, width, { factor, minPixels, maxPixels })
      assert.deepStrictEqual(size, Result.succeed({ height: h, width: w }), `${height} × ${width}, ${factor}`)
    }
    assert.isAbove(smart.length, 1000)
  })

  it("rounds halves to the even multiple, as Python does", () => {
    const options = { ...qwen, minPixels: 1 }
    assert.deepStrictEqual(Resize.smartResize(70, 126, options), Result.succeed({ height: 56, width: 112 }))
    assert.deepStrictEqual(Resize.smartResize(42, 98, options), Result.succeed({ height: 56, width: 112 }))
  })

  it("refuses an aspect ratio above 200, and a side of nothing", () => {
    assert.isTrue(Result.isSuccess(Resize.smartResize(10, 2000, qwen)))
    const refused = Resize.smartResize(10, 2001, qwen)
    assert.isTrue(Result.isFailure(refused) && refused.failure.found === "2001 × 10")
    assert.isTrue(Result.isFailure(Resize.smartResize(0, 10, qwen)))
    assert.isTrue(Result.isFailure(Resize.smartResize(0, 0, qwen)))
  })

  const Side = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 5000 })))
  const Patch = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 20 })))

  it.prop(
    "multiples of the factor, area within bounds, aspect kept up to one multiple",
    [Side, Side, Patch],
    ([height, width, patch]) => {
      const factor = 2 * patch
      // Bounds wide enough that rounding up to a multiple cannot leave them.
      const minPixels = 16 * factor * factor
      const maxPixels = 64 * minPixels
      const result = Resize.smartResize(height, width, { factor, minPixels, maxPixels })
      if (Math.max(height, width) > 200 * Math.min(height, width)) {
        assert.isTrue(Result.isFailure(result))
        return
      }
      const size = Result.getOrThrow(result)
      assert.strictEqual(size.height % factor, 0)
      assert.strictEqual(size.width % factor, 0)
      assert.isAtLeast(Math.min(size.height, size.width), factor)
      const area = size.height * size.width
      assert.isAtLeast(area, minPixels)
      // A very thin image keeps one factor of width, whatever that does to its area.
      if (Math.min(size.height, size.width) > factor) assert.isAtMost(area, maxPixels)
      // Scaled to the same area, each side is off by less than one multiple and what the other's rounding costs.
      const scale = Math.sqrt(area / (height * width))
      const slack = Math.max(size.height / size.width, size.width / size.height) * factor
      assert.isAtMost(Math.abs(size.height - height * scale), slack)
      assert.isAtMost(Math.abs(size.width - width * scale), slack)
      // Nothing to do for an image that fits already, unless rounding made it too thin.
      if (Math.max(size.height, size.width) > 200 * Math.min(size.height, size.width)) return
      assert.deepStrictEqual(
        Resize.smartResize(size.height, size.width, { factor, minPixels, maxPixels: Math.max(maxPixels, area) }),
        Result.succeed(size)
      )
    },
    { arbitrary: { runs: 500 } }
  )
})

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

describe("resize", () => {
  const Size = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 40 })))

  it.prop("is cubic convolution along rows and along columns", [Size, Size, Schema.Int], ([from, to, seed]) => {
    const stream = Keyed.stream(seed, "row")
    const data = Uint8Array.from({ length: from * 3 }, () => stream.int(256))
    const expected = reference(data, from, to)
    const rows = Resize.resize({ width: from, height: 1, data }, { width: to, height: 1 })
    const columns = Resize.resize({ width: 1, height: from, data }, { width: 1, height: to })
    assert.deepStrictEqual(rows.data, columns.data)
    for (let i = 0; i < to; i++) assert.isAtMost(Math.abs(rows.data[i * 3]! - expected[i]!), 0.501)
  }, { arbitrary: { runs: 300 } })

  it("keeps a flat image flat and the same size untouched", () => {
    const flat = { width: 31, height: 17, data: new Uint8Array(31 * 17 * 3).fill(200) }
    assert.isTrue(Resize.resize(flat, { width: 50, height: 9 }).data.every((value) => value === 200))
    assert.strictEqual(Resize.resize(flat, flat), flat)
  })
})
