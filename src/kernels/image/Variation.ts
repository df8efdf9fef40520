/**
 * A picture changed a little: mirrored, moved, lighter or darker. What it shows stays the same, so that a small data
 * set teaches more.
 *
 * @module
 */
import type { Pixels } from "./Image.ts"

/** How a picture is changed; `none` changes nothing. */
export interface Variation {
  /** Left becomes right. */
  readonly mirrored: boolean
  /** How far it is moved to the right, as a share of its width; the left is moved to by a negative one. */
  readonly right: number
  /** How far it is moved down, as a share of its height. */
  readonly down: number
  /** What every value is multiplied with; beyond 255 it is cut. */
  readonly light: number
}

/** The picture as it is. */
export const none: Variation = { mirrored: false, right: 0, down: 0, light: 1 }

const within = (at: number, length: number): number => Math.min(length - 1, Math.max(0, at))

/** The changed picture, of the same size. Moved by whole pixels; what comes in at a side repeats its border. */
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
