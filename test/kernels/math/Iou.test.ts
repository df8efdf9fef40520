import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Iou } from "../../../src/kernels/math/index.ts"

const Place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))
const Size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 }))
const Box = Schema.Tuple([Place, Place, Size, Size])
const runs = { arbitrary: { runs: 300 } }

/** Counts unit cells. */
const counted = (a: Iou.Xywh, b: Iou.Xywh) => {
  const inside = ([x, y, w, h]: Iou.Xywh, i: number, j: number) => i >= x && i < x + w && j >= y && j < y + h
  let both = 0
  let either = 0
  for (let i = 0; i < 60; i++) {
    for (let j = 0; j < 60; j++) {
      if (inside(a, i, j) && inside(b, i, j)) both++
      if (inside(a, i, j) || inside(b, i, j)) either++
    }
  }
  return both / either
}

describe("Iou", () => {
  it.prop("equals counting cells", [Box, Box], ([a, b]) => {
    assert.closeTo(Iou.iou(a, b), counted(a, b), 1e-12)
  }, runs)

  it.prop("is symmetric, in [0, 1], and 1 for a box with itself", [Box, Box], ([a, b]) => {
    const value = Iou.iou(a, b)
    assert.strictEqual(value, Iou.iou(b, a))
    assert.isTrue(value >= 0 && value <= 1)
    assert.strictEqual(Iou.iou(a, a), 1)
  }, runs)

  it.prop("stays in [0, 1] on any numbers", [
    Schema.Tuple([Schema.Number, Schema.Number, Schema.Number, Schema.Number]),
    Box
  ], ([a, b]) => {
    for (const value of [Iou.iou(a, b), Iou.iou(a, a)]) assert.isTrue(value >= 0 && value <= 1, String(value))
  }, runs)

  it("is 0 for boxes without area and areas beyond a double", () => {
    const full: Iou.Xywh = [0, 0, 5, 5]
    for (const empty of [[0, 0, 0, 5], [0, 0, 5, 0], [4, 4, -3, 5], [4, 4, 5, -3], [4, 4, -3, -3]] as const) {
      for (const other of [full, empty]) {
        assert.strictEqual(Iou.iou(empty, other), 0, String(empty))
        assert.strictEqual(Iou.iou(other, empty), 0, String(empty))
      }
    }
    // Areas that round to infinity, and to 0.
    for (const side of [1e200, 1e-200]) assert.strictEqual(Iou.iou([0, 0, side, side], [0, 0, side, side]), 0)
    assert.strictEqual(Iou.iou([0, 0, Infinity, 5], full), 0)
    for (const i of [0, 1, 2, 3]) {
      const unknown = full.with(i, NaN) as unknown as Iou.Xywh
      assert.strictEqual(Iou.iou(unknown, full), 0)
      assert.strictEqual(Iou.iou(full, unknown), 0)
    }
  })

  it("tables have a row per first box", () => {
    assert.deepStrictEqual(Iou.matrix([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1]]), [[1, 1 / 3, 0]])
  })
})
