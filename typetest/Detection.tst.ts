// Compiled, never run: every line under @ts-expect-error must be rejected.
import type { Task } from "../src/dsl/Task.ts"
import { type Annotation, Box, BoxCodec, BoxSimilarity, Detection } from "../src/tasks/detection/index.ts"

const picture = Box.pixels({ width: 640, height: 480 })
const seen = Box.resized({ width: 476, height: 364 })
const absolute = Box.make("absolute", [1, 2, 3, 4])
const thousandths = Box.convert(absolute, picture, Box.thousandths)
const resized = Box.convert(absolute, picture, seen)

export const overlap: number = Box.iou(thousandths, Box.convert(resized, seen, Box.thousandths))
export const task: Task<Annotation<"thousandths">> = Detection.make({
  name: "t",
  subject: "s",
  codec: BoxCodec.scenes()
})

// @ts-expect-error numbers alone are no box: nobody said in which space
Box.iou([1, 2, 3, 4], [1, 2, 3, 4])
// @ts-expect-error boxes of two spaces do not overlap
Box.iou(absolute, thousandths)
// @ts-expect-error pixels before and after resizing are not the same
Box.iou(absolute, resized)
// @ts-expect-error the frame of another space
Box.convert(resized, picture, Box.thousandths)
// @ts-expect-error clipped by the wrong picture
Box.clip(thousandths, picture)
// @ts-expect-error truth and answer in two spaces
BoxSimilarity.similarity("max")([{ box: absolute }], [{ box: thousandths }])
// @ts-expect-error a task in thousandths does not take pixels
task.encode([{ box: absolute }])
// @ts-expect-error Qwen2.5-VL writes pixels of the resized picture
BoxCodec.qwen25Vl().encode([{ box: thousandths }])
// @ts-expect-error a box of no particular space is no box of this one
export const lost: Box.Box<"unit"> = absolute as Box.Box<"absolute" | "unit">
