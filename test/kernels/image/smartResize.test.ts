import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as fs from "node:fs"
import { smartResize } from "../../../src/kernels/image/index.ts"

const { smart } = JSON.parse(fs.readFileSync(new URL("../../fixtures/image.json", import.meta.url), "utf8"))

const qwen = { factor: 28, minPixels: 56 * 56, maxPixels: 14 * 14 * 4 * 1280 }

describe("smartResize", () => {
  it("gives the sizes of transformers", () => {
    assert.deepStrictEqual(smartResize(561, 278, qwen), Result.succeed({ height: 560, width: 280 }))
    for (const [height, width, factor, minPixels, maxPixels, h, w] of smart) {
      const size = smartResize(height, width, { factor, minPixels, maxPixels })
      assert.deepStrictEqual(size, Result.succeed({ height: h, width: w }), `${height} × ${width}, ${factor}`)
    }
    assert.isAbove(smart.length, 1000)
  })

  it("rounds halves to the even multiple, as Python does", () => {
    const options = { ...qwen, minPixels: 1 }
    assert.deepStrictEqual(smartResize(70, 126, options), Result.succeed({ height: 56, width: 112 }))
    assert.deepStrictEqual(smartResize(42, 98, options), Result.succeed({ height: 56, width: 112 }))
  })

  it("refuses an aspect ratio above 200, and a side of nothing", () => {
    assert.isTrue(Result.isSuccess(smartResize(10, 2000, qwen)))
    const refused = smartResize(10, 2001, qwen)
    assert.isTrue(Result.isFailure(refused) && refused.failure.found === "2001 × 10")
    assert.isTrue(Result.isFailure(smartResize(0, 10, qwen)))
    assert.isTrue(Result.isFailure(smartResize(0, 0, qwen)))
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
      const result = smartResize(height, width, { factor, minPixels, maxPixels })
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
        smartResize(size.height, size.width, { factor, minPixels, maxPixels: Math.max(maxPixels, area) }),
        Result.succeed(size)
      )
    },
    { arbitrary: { runs: 500 } }
  )
})
