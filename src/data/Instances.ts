/**
 * What data sets of boxes hold: the things in a picture, boxed in its own pixels.
 *
 * Tasks put them into the coordinate space that their model writes.
 */
import { Effect } from "effect"
import type { Xywh } from "../kernels/math/Iou.ts"
import type { BadRow } from "./Rows.ts"

/** A thing in a picture. */
export interface Instance {
  /** In pixels of the picture as it is stored, orientation applied, inside it. */
  readonly box: Xywh
  /** Its class, where the data set names it. */
  readonly label?: string
  /** A region of more things than anybody boxed. */
  readonly crowd?: boolean
}

/** All things of a picture, perhaps none, and the size in pixels that their boxes refer to. */
export interface Instances {
  readonly width: number
  readonly height: number
  readonly instances: ReadonlyArray<Instance>
}

/**
 * The things of a picture, unless all of them are crowds: such a picture has no box that could be asked for, and taught
 * as an empty one it would teach to answer nothing where there are more things than anybody boxed.
 */
export const unlessCrowds = (
  id: string,
  instances: ReadonlyArray<Instance>
): Effect.Effect<ReadonlyArray<Instance>, BadRow> =>
  instances.length === 0 || instances.some(({ crowd }) => crowd !== true)
    ? Effect.succeed(instances)
    : Effect.fail({
      reason: "only-crowds",
      detail: `${id}: ${
        instances.length === 1 ? "its only annotation is a crowd" : `all of its ${instances.length} ` +
          "annotations are crowds"
      }, so that there is no box to ask for, and yet it is not empty: box the things in it ` +
        "one by one (\"iscrowd\": 0), or take the picture out"
    })

/** In pixels from the left and from the top. */
export type Point = readonly [x: number, y: number]

/** The box around points. */
export const around = (points: ReadonlyArray<Point>): Xywh => {
  const [left, top] = points.reduce(([l, t], [x, y]) => [Math.min(l, x), Math.min(t, y)], [Infinity, Infinity])
  const [right, bottom] = points.reduce(([r, b], [x, y]) => [Math.max(r, x), Math.max(b, y)], [-Infinity, -Infinity])
  return [left, top, right - left, bottom - top]
}

/** The part of a box inside a picture, or why there is none. */
export const inside = (
  [x, y, w, h]: Xywh,
  { height, width }: { readonly width: number; readonly height: number }
): Effect.Effect<Xywh, BadRow> => {
  const bad = (reason: string) =>
    Effect.fail<BadRow>({ reason, detail: `box [${[x, y, w, h].join(", ")}] in a picture of ${width} × ${height}` })
  if (!(w > 0 && h > 0)) return bad("degenerate-box")
  if (x >= 0 && y >= 0 && x + w <= width && y + h <= height) return Effect.succeed([x, y, w, h])
  const [left, top] = [Math.max(0, x), Math.max(0, y)]
  const [right, bottom] = [Math.min(width, x + w), Math.min(height, y + h)]
  return right > left && bottom > top ? Effect.succeed([left, top, right - left, bottom - top]) : bad("outside-image")
}
