import { Effect, Result } from "effect"
import * as Segmentation from "../../../src/data/Segmentation.ts"
import { Json } from "../../../src/kernels/weights/index.ts"
import { values } from "../data.ts"
import { holds, type Target } from "../Target.ts"

export const target: Target = {
  name: "segmentation",
  kind: "json",
  seeds: values(
    { counts: [10, 5, 1185], size: [30, 40] },
    { counts: ":5Qa1", size: [30, 40] },
    [[1, 2, 3, 4, 5, 6]],
    [[[1, 2], [3, 4], [5, 6]]],
    [{ x: 1, y: 2 }, { x: 3, y: 4 }, { x: 5, y: 9 }]
  ),
  run: (input) =>
    Effect.sync(() => {
      const json = Result.try(() => Json.parse(Buffer.from(input).toString()))
      const read = Result.isSuccess(json) ? Segmentation.extent(json.success) : Result.fail("no JSON")
      if (Result.isFailure(read)) return false
      const { box, frame } = read.success
      holds(box.every(Number.isFinite) && box[2] >= 0 && box[3] >= 0, () => `the box ${box.join()}`)
      const inside = frame === undefined || box[0] + box[2] <= frame.width && box[1] + box[3] <= frame.height
      holds(inside, () => `the box ${box.join()} of a mask of ${frame?.width} × ${frame?.height}`)
      return true
    })
}
