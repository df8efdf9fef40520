/**
 * Intersection over union of axis-aligned boxes `[x, y, width, height]`.
 */

/** Left, top, width and height in one coordinate space; a side that is not positive makes the box empty. */
export type Xywh = readonly [x: number, y: number, width: number, height: number]

const overlap = (a: number, lengthA: number, b: number, lengthB: number): number =>
  Math.max(0, Math.min(a + lengthA, b + lengthB) - Math.max(a, b))

/**
 * Area shared by both over area covered by either, in [0, 1]. 0 for an empty box and for coordinates so large that an
 * area is not a finite number: boxes come from untrusted model output.
 */
export const iou = (a: Xywh, b: Xywh): number => {
  const shared = overlap(a[0], a[2], b[0], b[2]) * overlap(a[1], a[3], b[1], b[3])
  const covered = a[2] * a[3] + b[2] * b[3] - shared
  // An empty box shares nothing. `>` also turns away NaN, which infinite areas leave.
  return covered > 0 ? Math.min(1, shared / covered) : 0
}

/** `[rows, columns]` table of `iou` between every box of `rows` and every box of `columns`. */
export const matrix = (rows: ReadonlyArray<Xywh>, columns: ReadonlyArray<Xywh>): Array<Array<number>> =>
  rows.map((row) => columns.map((column) => iou(row, column)))
