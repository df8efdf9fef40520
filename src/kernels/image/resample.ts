/**
 * Bicubic resampling that equals Pillow's to the last bit.
 *
 * sharp is not used here: when it enlarges (300 → 308 pixels), its cubic kernel and Pillow's differ by dozens of grey
 * levels on detailed images, and models were trained on Pillow's.
 */
import type { Pixels } from "./Image.ts"
import { resampleLoops } from "./resampleLoops.ts"
import { resampleVectors } from "./resampleVectors.ts"
import type { Size } from "./smartResize.ts"

/**
 * Bicubic, antialiased when shrinking: Pillow's `resize(…, BICUBIC)`, rows first, rounded to bytes in between. PyTorch
 * goes rows first too; Pillow 13 goes columns first where that is much less work, which only differs where a value is
 * clipped in between.
 */
export const resample = (pixels: Pixels, size: Size): Pixels =>
  size.width === pixels.width && size.height === pixels.height
    ? pixels
    : resampleVectors(pixels, size) ?? resampleLoops(pixels, size)
