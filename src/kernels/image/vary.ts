/**
 * The pixels of a changed picture.
 */
import type { Pixels } from "./Image.ts"
import type { Variation } from "./Variation.ts"

const within = (at: number, length: number): number => Math.min(length - 1, Math.max(0, at))

/**
 * The changed picture, of the same size. Moved by whole pixels; what comes in at a side repeats its border.
 *
 * Its pixels are always new, also where nothing is changed: whoever has read them gives their memory back, and those of
 * `data` may be a renderer's.
 */
export const vary = ({ data, height, width }: Pixels, { down, light, mirrored, right }: Variation): Pixels => {
  const [dx, dy] = [Math.round(right * width), Math.round(down * height)]
  const lit = Uint8ClampedArray.from({ length: 256 }, (_, value) => value * light)
  const out = new Uint8Array(data.length)
  for (let y = 0, at = 0; y < height; y++) {
    const row = within(y - dy, height) * width
    for (let x = 0; x < width; x++) {
      const column = within(x - dx, width)
      let from = 3 * (row + (mirrored ? width - 1 - column : column))
      for (let channel = 0; channel < 3; channel++) out[at++] = lit[data[from++]!]!
    }
  }
  return { width, height, data: out }
}
