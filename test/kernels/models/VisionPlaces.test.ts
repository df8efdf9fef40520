/** Learned positions stretched over a picture, against bilinear interpolation by its definition. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as G from "../../../src/kernels/graph/index.ts"
import { Config, VisionLayout, VisionPlaces } from "../../../src/kernels/models/index.ts"
import * as Onnx from "../graph/onnx.ts"
import { value } from "../graph/reference.ts"
import { json } from "./fixture.ts"

const side = 6
const Merged = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 9 })))

/** The value at a place of a square whose values are those of a plane, which bilinear interpolation gives exactly. */
const plane = (row: number, column: number) => 3 * row - 2 * column + 1
const square = Float64Array.from({ length: side * side }, (_, i) => plane(Math.floor(i / side), i % side))

const { TAPS } = VisionPlaces
const mixed = ({ taps, weights }: VisionPlaces.PlaceArrays, row: number) =>
  Array.from({ length: TAPS }, (_, k) => square[taps[row * TAPS + k]!]! * weights[row * TAPS + k]!)
    .reduce((a, b) => a + b)

const made = (rows: number): VisionPlaces.PlaceArrays => ({
  taps: new Int32Array(rows * TAPS),
  weights: new Float32Array(rows * TAPS)
})

describe("learned positions", () => {
  it.prop("are stretched over every picture, corner on corner", [Merged, Merged], ([h, w]) => {
    const grid = [1, 2 * h, 2 * w] as const
    for (let row = 0; row < grid[1]; row++) {
      for (let column = 0; column < grid[2]; column++) {
        const out = made(1)
        VisionPlaces.writePlace(side, grid, row, column, out, 0)
        assert.closeTo(out.weights.reduce((a, b) => a + b), 1, 1e-6)
        assert.isTrue(out.taps.every((tap) => tap >= 0 && tap < side * side))
        const stretched = (at: number, size: number) => at * (side - 1) / (size - 1)
        assert.closeTo(mixed(out, 0), plane(stretched(row, grid[1]), stretched(column, grid[2])), 1e-4)
      }
    }
  })

  it.prop("stand at their patches, whatever the order of these, and at no empty slot", [Merged, Merged], ([h, w]) => {
    const { vision: read } = Effect.runSync(Config.fromJson(json("../parity/qwen3-vl/config.json")))
    const vision = { ...read, places: side }
    const grids: ReadonlyArray<VisionLayout.Grid> = [[1, 2 * h, 2 * w], [1, 4, 4]]
    const shape = VisionLayout.shapeFor(vision, grids)
    const rows = shape.frames * shape.slots
    const half = vision.width / vision.heads / 2
    const places = made(rows)
    const out = {
      patches: new Float32Array(rows),
      cosines: new Float32Array(rows * half),
      sines: new Float32Array(rows * half),
      filled: new Int32Array(rows),
      places
    }
    VisionLayout.fill(
      vision,
      shape,
      grids.map((grid) => ({ grid, write: () => {} })),
      out
    )
    grids.forEach(([, high, wide], image) => {
      for (let patch = 0; patch < shape.slots; patch++) {
        const at = image * shape.slots + patch
        if (patch >= high * wide) {
          assert.deepStrictEqual([mixed(places, at), out.filled[at]], [0, 0])
          continue
        }
        // Blocks of 2 × 2, row by row, and patches row by row within.
        const [block, within] = [Math.floor(patch / 4), patch % 4]
        const row = 2 * Math.floor(block / (wide / 2)) + Math.floor(within / 2)
        const column = 2 * (block % (wide / 2)) + within % 2
        const expected = plane(row * (side - 1) / (high - 1), column * (side - 1) / (wide - 1))
        assert.closeTo(mixed(places, at), expected, 1e-4)
      }
    })
  })

  it("are the same where a graph works them out, one row or column of patches included", async () => {
    for (const [rows, columns] of [[2, 2], [10, 6], [1, 7], [9, 1], [24, 30]] as const) {
      const cells = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const)
      const expected = made(cells.length)
      cells.forEach(([row, column], i) => VisionPlaces.writePlace(side, [1, rows, columns], row, column, expected, i))
      const input = (name: string, count: number) => G.input(name, [count], "i32")
      const { taps, weights } = VisionPlaces.places(side, {
        row: input("row", cells.length),
        column: input("column", cells.length),
        rows: input("rows", 1),
        columns: input("columns", 1)
      })
      const [foundTaps, foundWeights] = await Onnx.evaluate([taps, weights], {
        row: value(cells.map(([row]) => row)),
        column: value(cells.map(([, column]) => column)),
        rows: value([rows]),
        columns: value([columns])
      })
      assert.deepStrictEqual([...foundTaps!.data], [...expected.taps])
      assert.deepStrictEqual([...foundWeights!.data], [...expected.weights])
    }
  })
})
