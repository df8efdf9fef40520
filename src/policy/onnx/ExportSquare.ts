/**
 * What exported graphs are fed with for a square picture, ready: a program that makes every picture a square has
 * nothing to work out.
 */
import type { Portable } from "../../kernels/generate/index.ts"
import { type Config, VisionLayout } from "../../kernels/models/index.ts"

/** Name of the file. */
export const squareFile = "square.json"

/** The prompt around the picture's tokens. */
interface Around {
  readonly before: ReadonlyArray<number>
  readonly after: ReadonlyArray<number>
}

/** The largest square picture that there is room for, by its side in pixels; none where no area in bounds is one. */
export const sideOf = (
  { merge, patch }: Config.VisionConfig,
  { maxPixels, minPixels }: { readonly minPixels: number; readonly maxPixels: number }
): number | undefined => {
  const side = Math.floor(Math.sqrt(maxPixels) / (patch * merge)) * patch * merge
  return side * side >= Math.max(minPixels, 1) ? side : undefined
}

/** Feeds of the prefill by name, and the position of the first new token. */
export const square = (
  { imageToken, vision }: Config.Config,
  { length, slots }: Portable.Room,
  { after, before }: Around,
  side: number
) => {
  const { merge, patch } = vision
  const n = side / patch / merge
  const block = merge * merge
  const rows = VisionLayout.tokenRows(vision, { frames: 1, slots, padded: true }, [[1, n * merge, n * merge]])
  const slotOf = new Int32Array((n * merge) ** 2)
  rows.forEach((row, token) => {
    for (let k = 0; k < block; k++) {
      const [patchRow, patchColumn] = [
        Math.floor(token / n) * merge + Math.floor(k / merge),
        token % n * merge + k % merge
      ]
      slotOf[patchRow * n * merge + patchColumn] = row * block + k
    }
  })
  // Text goes on behind the longer side of the picture, as M-RoPE has it.
  const start = before.length + n
  const padded = (values: ReadonlyArray<number>, rest: number) => Array.from({ length }, (_, i) => values[i] ?? rest)
  const at = (place: (token: number) => number) =>
    padded([
      ...before.keys(),
      ...Array.from(rows, (_, token) => before.length + place(token)),
      ...after.map((_, i) => start + i)
    ], 0)
  const text = slots / block
  return {
    /** Where each patch stands in the tower, row by row of the picture. */
    slotOf,
    side,
    prefill: {
      tokens: padded([...before, ...Array.from(rows, () => imageToken), ...after], 0),
      visualIndex: padded([...before.map(() => text), ...rows], text),
      temporal: at(() => 0),
      height: at((token) => Math.floor(token / n)),
      width: at((token) => token % n),
      count: [before.length + rows.length + after.length]
    },
    position: start + after.length
  }
}
