/** Qwen2-VL's choice of the size that a picture is resampled to. */
import { Result } from "effect"
import { maxRatio } from "./Caps.ts"
import type { Fault } from "./ImageError.ts"

export interface SmartResizeOptions {
  /** Both sides become multiples of this: patch size × merge size, in pixels. */
  readonly factor: number
  /** Least area in pixels. */
  readonly minPixels: number
  /** Greatest area in pixels. */
  readonly maxPixels: number
}

export interface Size {
  readonly height: number
  readonly width: number
}

/** Nearest integer, halves to the even one, as Python's `round`. */
const roundHalfToEven = (x: number): number => {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1
}

/**
 * The size nearest to the image's whose sides are multiples of `factor` and whose area is within bounds, the aspect
 * ratio kept as closely as that allows. `smart_resize` of transformers' qwen2_vl, step by step.
 *
 * The least area wins over the greatest where no multiple of `factor` lies between them, and no side is less than
 * `factor`; fails where one side is more than 200 times the other.
 */
export const smartResize = (
  height: number,
  width: number,
  { factor, maxPixels, minPixels }: SmartResizeOptions
): Result.Result<Size, Fault> => {
  const ratio = Math.max(height, width) / Math.min(height, width)
  // Not `ratio > maxRatio`: a side of 0 is refused too.
  if (!(ratio <= maxRatio)) {
    return Result.fail({
      reason: "too elongated",
      found: `${width} × ${height}`,
      expected: `an aspect ratio of at most ${maxRatio}`
    })
  }
  const rounded = {
    height: roundHalfToEven(height / factor) * factor,
    width: roundHalfToEven(width / factor) * factor
  }
  const area = rounded.height * rounded.width
  if (area > maxPixels) {
    const beta = Math.sqrt(height * width / maxPixels)
    const shrink = (side: number) => Math.max(factor, Math.floor(side / beta / factor) * factor)
    return Result.succeed({ height: shrink(height), width: shrink(width) })
  }
  if (area < minPixels) {
    const beta = Math.sqrt(minPixels / (height * width))
    const grow = (side: number) => Math.ceil(side * beta / factor) * factor
    return Result.succeed({ height: grow(height), width: grow(width) })
  }
  return Result.succeed(rounded)
}
