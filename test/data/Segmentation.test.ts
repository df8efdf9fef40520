import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { extent } from "../../src/data/Segmentation.ts"
import masks from "../fixtures/masks.json" with { type: "json" }

const boxOf = (segmentation: unknown) =>
  Result.match(extent(segmentation), { onFailure: (fault) => fault, onSuccess: ({ box }) => box })

describe("Segmentation", () => {
  it("finds the box of masks as pycocotools does, packed or as runs", () => {
    assert.isAtLeast(masks.length, 36)
    for (const { box, packed, runs, size } of masks) {
      const frame = { width: size[1]!, height: size[0]! }
      for (const counts of [packed, runs]) {
        assert.deepStrictEqual(Result.getOrThrow(extent({ counts, size })), {
          box: [box[0]!, box[1]!, box[2]!, box[3]!],
          frame
        }, `${packed} of ${size}`)
      }
    }
  })

  it("finds the box around polygons, however their points are written", () => {
    const box = [5, 6, 10, 12] as const
    assert.deepStrictEqual(boxOf([[5, 6, 15, 6, 15, 18, 5, 18]]), box)
    assert.deepStrictEqual(boxOf([[5, 6, 8, 6, 8, 9], [12, 18, 15, 18, 15, 12]]), box)
    assert.deepStrictEqual(boxOf([5, 6, 15, 6, 15, 18]), box)
    assert.deepStrictEqual(boxOf([[5, 6], [15, 6], [15, 18]]), box)
    assert.deepStrictEqual(boxOf([[[5, 6], [15, 6], [15, 18]]]), box)
    assert.deepStrictEqual(boxOf([[{ x: 5, y: 6 }, { x: 15, y: 6 }, { x: 15, y: 18 }]]), box)
    assert.deepStrictEqual(boxOf([["5", "6.0", "15", "6", "15", "1.8e1"]]), box)
  })

  it("says what is no segmentation", () => {
    for (
      const wrong of [null, [], [[]], "text", {}, [[1, 2]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5, "x"]], [
        [1, 2, 3, 4, 5, null]
      ], [[[[[[1, 2]]]]]]]
    ) {
      assert.match(String(boxOf(wrong)), /^neither polygons/, JSON.stringify(wrong))
    }
    for (
      const wrong of [{ counts: [1, 2] }, { counts: "1", size: [0, 4] }, { counts: [1], size: [1, 1.5] }, {
        counts: 5,
        size: [2, 2]
      }, { counts: null, size: [2, 2] }]
    ) {
      assert.match(String(boxOf(wrong)), /^no run-length encoded mask/, JSON.stringify(wrong))
    }
    for (
      const counts of [[1, 2], [5, -1], [3.5, 0.5], "", "~~~", "a b", "o", "oooooooooooooooooooooooooo", "\u0000", "😀"]
    ) {
      assert.match(
        String(boxOf({ counts, size: [2, 2] })),
        /^its runs do not fill a mask of 2 × 2/,
        JSON.stringify(counts)
      )
    }
  })
})
