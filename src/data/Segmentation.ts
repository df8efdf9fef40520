/**
 * COCO's segmentations, as far as a box is concerned: the extent of polygons and of run-length encoded masks.
 *
 * Masks are read as pycocotools writes them: runs of zeros and ones in turn down the columns, as a list of lengths or
 * packed into a string of printable characters, five bits each.
 */
import { Option, Predicate, Result, Schema } from "effect"
import type { Xywh } from "../kernels/math/Iou.ts"
import { around, type Point } from "./Instances.ts"

const decimal = /^\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?\s*$/i

/** Reads a number, or one that was written as text. */
export const number = (value: unknown): Option.Option<number> => {
  const read = typeof value === "string" && decimal.test(value) ? Number(value) : value
  return typeof read === "number" && Number.isFinite(read) ? Option.some(read) : Option.none()
}

export interface Extent {
  readonly box: Xywh
  /** The size of the picture that a mask was drawn in. */
  readonly frame?: { readonly width: number; readonly height: number }
}

/** Polygons are lists of numbers in lists; some exporters write points as pairs or objects. */
const pointsOf = (value: unknown, depth = 0): Option.Option<ReadonlyArray<Point>> => {
  if (Predicate.hasProperty(value, "x") && Predicate.hasProperty(value, "y")) {
    return pointsOf([value.x, value.y], depth)
  }
  if (!Array.isArray(value) || value.length === 0 || depth > 3) return Option.none()
  const flat = Option.all(value.map(number))
  if (Option.isNone(flat)) {
    return Option.map(Option.all(value.map((part) => pointsOf(part, depth + 1))), (parts) => parts.flat())
  }
  // Four numbers are no polygon: pycocotools takes them for a box, others for a line.
  const { value: numbers } = flat
  if (numbers.length % 2 === 1 || numbers.length === 4) return Option.none()
  const [xs, ys] = [0, 1].map((odd) => numbers.filter((_, i) => i % 2 === odd))
  return Option.some((xs ?? []).map((x, i): Point => [x, ys?.[i] ?? NaN]))
}

/** Run lengths from pycocotools' string: 5 bits a character, from the fourth run on less the one two before. */
const unpacked = (text: string): Option.Option<ReadonlyArray<number>> => {
  const runs: Array<number> = []
  let value = 0
  let scale = 1
  for (const char of text) {
    const bits = (char.codePointAt(0) ?? 0) - 48
    if (!(bits >= 0 && bits < 64) || scale > 2 ** 40) return Option.none()
    value += (bits & 31) * scale
    scale *= 32
    if (bits & 32) continue
    if (bits & 16) value -= scale
    runs.push(value + (runs.length > 2 ? runs.at(-2) ?? 0 : 0))
    value = 0
    scale = 1
  }
  return scale === 1 ? Option.some(runs) : Option.none()
}

const Mask = Schema.Struct({
  counts: Schema.Union([Schema.String, Schema.Array(Schema.Finite)]),
  size: Schema.Tuple([Schema.Int, Schema.Int]).check(Schema.makeFilter(([height, width]) => height > 0 && width > 0))
})
const decodeMask = Schema.decodeUnknownOption(Mask)

/** The box of a mask's ones, pixels whole. */
const extentOf = ({ counts, size: [height, width] }: typeof Mask.Type): Result.Result<Extent, string> => {
  const runs = typeof counts === "string" ? Option.getOrElse(unpacked(counts), () => []) : counts
  const pixels = runs.reduce((sum, run) => sum + run, 0)
  if (runs.some((run) => !(Number.isInteger(run) && run >= 0)) || pixels !== height * width) {
    return Result.fail(`its runs do not fill a mask of ${width} × ${height}`)
  }
  let [left, top, right, bottom] = [width, height, 0, 0]
  let start = 0
  for (const [i, run] of runs.entries()) {
    const end = start + run
    if (i % 2 === 1 && run > 0) {
      const [from, to] = [Math.floor(start / height), Math.floor((end - 1) / height)]
      left = Math.min(left, from)
      right = Math.max(right, to + 1)
      // A run over the end of a column touches its bottom and the next one's top.
      top = from < to ? 0 : Math.min(top, start % height)
      bottom = from < to ? height : Math.max(bottom, (end - 1) % height + 1)
    }
    start = end
  }
  const frame = { width, height }
  return Result.succeed({ box: right > left ? [left, top, right - left, bottom - top] : [0, 0, 0, 0], frame })
}

/** The extent of a segmentation. Fails with what is wrong with it. */
export const extent = (segmentation: unknown): Result.Result<Extent, string> => {
  if (Predicate.hasProperty(segmentation, "counts")) {
    return Option.match(decodeMask(segmentation), {
      onNone: () => Result.fail("no run-length encoded mask {\"counts\": […] or text, \"size\": [height, width]}"),
      onSome: extentOf
    })
  }
  return Option.match(Option.filter(pointsOf(segmentation), (points) => points.length > 2), {
    onNone: () => Result.fail("neither polygons [[x, y, x, y, …], …] nor a run-length encoded mask"),
    onSome: (points) => Result.succeed({ box: around(points) })
  })
}
