/** Where patches stand in the tower, against the definition of windows. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Config, VisionLayout } from "../../../src/kernels/models/index.ts"
import { json } from "./fixture.ts"

const { vision: older } = Effect.runSync(Config.fromJson(json("../parity/qwen2-vl/config.json")))
const { vision: newer } = Effect.runSync(Config.fromJson(json("../parity/qwen2.5-vl/config.json")))
const side = newer.windows!.side
const block = newer.merge * newer.merge

const Merged = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 9 })))
const Merges = Schema.Array(Schema.Tuple([Merged, Merged])).pipe(
  Schema.check(Schema.isMinLength(1), Schema.isMaxLength(4))
)
const gridsOf = (sizes: ReadonlyArray<readonly [number, number]>) =>
  sizes.map(([h, w]): VisionLayout.Grid => [1, h * 2, w * 2])

describe("VisionLayout", () => {
  it.prop(
    "tokens share a window exactly where the image's grid says so, and no two share a row",
    [Merges],
    ([sizes]) => {
      const grids = gridsOf(sizes)
      const shape = VisionLayout.shapeFor(newer, grids)
      const rows = VisionLayout.tokenRows(newer, shape, grids)
      assert.strictEqual(new Set(rows).size, sizes.reduce((n, [h, w]) => n + h * w, 0))
      assert.isTrue(rows.every((row) => row < shape.frames * shape.slots / block))
      const tokens = sizes.flatMap(([h, w], image) =>
        Array.from(
          { length: h * w },
          (_, i) => `${image}: ${Math.floor(Math.floor(i / w) / side)}, ${Math.floor(i % w / side)}`
        )
      )
      const windowOf = new Map<number, string>()
      rows.forEach((row, i) => {
        const window = Math.floor(row / (side * side))
        assert.strictEqual(windowOf.get(window) ?? tokens[i], tokens[i])
        windowOf.set(window, tokens[i]!)
      })
      assert.strictEqual(windowOf.size, new Set(tokens).size)
    }
  )

  it.prop(
    "every patch and its angle land in their slot, and the rest is marked empty",
    [Merges, Schema.Boolean],
    ([sizes, windowed]) => {
      const vision = windowed ? newer : older
      const grids = gridsOf(sizes)
      const shape = VisionLayout.shapeFor(vision, grids)
      const total = shape.frames * shape.slots
      const half = vision.width / vision.heads / 2
      // A patch of one value: its image and its place in it.
      const images = grids.map((grid, image) => ({
        grid,
        patches: Float32Array.from({ length: grid[1] * grid[2] }, (_, i) => 1000 * image + i + 1)
      }))
      const out = {
        patches: new Float32Array(total).fill(NaN),
        cosines: new Float32Array(total * half),
        sines: new Float32Array(total * half),
        filled: new Int32Array(total)
      }
      VisionLayout.fill(
        vision,
        shape,
        images.map(({ grid, patches }) => ({ grid, write: (into) => into.set(patches) })),
        out
      )
      const expected = images.flatMap(({ patches }) => [...patches])
      const rows = VisionLayout.tokenRows(vision, shape, grids)
      const read = [...rows].flatMap((row) => [...out.patches.subarray(row * block, (row + 1) * block)])
      assert.deepStrictEqual(read, expected)
      assert.strictEqual(out.filled.reduce((a, b) => a + b, 0), expected.length)
      assert.strictEqual(shape.padded, out.filled.includes(0))
      for (let row = 0; row < total; row++) {
        const [cosine, sine] = [out.cosines[row * half]!, out.sines[row * half]!]
        if (out.filled[row] === 1) assert.closeTo(cosine * cosine + sine * sine, 1, 1e-6)
        else assert.deepStrictEqual([out.patches[row], cosine, sine], [0, 0, 0])
      }
    }
  )

  it("images of one grid leave no slot empty, whatever their number", () => {
    const same = Array.from({ length: 3 }, (): VisionLayout.Grid => [1, 8, 12])
    assert.deepStrictEqual(VisionLayout.shapeFor(older, same), { frames: 3, slots: 96, padded: false })
    assert.deepStrictEqual(VisionLayout.shapeFor(newer, same), { frames: 3, slots: 96, padded: false })
    assert.isTrue(VisionLayout.shapeFor(newer, [[1, 6, 10]]).padded)
    assert.isTrue(VisionLayout.shapeFor(older, [[1, 6, 10], [1, 4, 4]]).padded)
  })
})
