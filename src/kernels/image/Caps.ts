/**
 * How large a picture may be, held against its header before any pixel is decoded.
 */
import type { Fault } from "./ImageError.ts"
import type * as Jpeg from "./JpegHeader.ts"

/** Default of most pixels, width × height: Pillow's limit. */
export const defaultMaxPixels = 89_478_485
/** Longest side in pixels, that of the largest JPEG: decoders take a long while for a tower of lines. */
export const maxSide = 65_535
/** Times that one side may be the other: Qwen2-VL's processor takes no more. */
export const maxRatio = 200

/** Pixels of a JPEG beyond the limit, as a multiple of it, that is decoded at a fraction of its size. */
const SHRUNK = 4

/** What a header says of a picture's size. */
export interface Header {
  readonly width: number
  readonly height: number
  /** Whether it can be decoded at a fraction of its size: a JPEG that is not held whole while it is decoded. */
  readonly shrinks: boolean
}

/** The size of a header, orientation applied. */
export const headerOf = ({ autoOrient: { height, width }, format, isProgressive }: Jpeg.Header): Header => ({
  width,
  height,
  shrinks: format === "jpeg" && isProgressive !== true
})

/** What breaks a cap. */
export interface Broken extends Fault {
  readonly kind: "too-many-pixels" | "too-elongated"
  readonly found: string
  readonly expected: string
}

/**
 * The cap that a picture breaks, if any.
 *
 * @param maxPixels as asked for; where it is left out, JPEGs may have four times the default and are shrunk
 */
export const broken = ({ height, shrinks, width }: Header, maxPixels?: number): Broken | undefined => {
  const found = `${width} × ${height}`
  const most = maxPixels ?? (shrinks ? SHRUNK * defaultMaxPixels : defaultMaxPixels)
  if (width * height > most) {
    return { kind: "too-many-pixels", reason: "too many pixels", found, expected: `at most ${most}` }
  }
  if (Math.max(width, height) > maxSide) {
    return { kind: "too-many-pixels", reason: "too long a side", found, expected: `at most ${maxSide} pixels a side` }
  }
  // Not `> maxRatio`: a side of 0 is refused too.
  if (!(Math.max(width, height) <= maxRatio * Math.min(width, height))) {
    return {
      kind: "too-elongated",
      reason: "too elongated",
      found,
      expected: `an aspect ratio of at most ${maxRatio}`
    }
  }
  return undefined
}

/** What a picture is divided by while it is decoded, so that its pixels are within `most`. */
export const reduction = ({ height, width }: Pick<Header, "height" | "width">, most = defaultMaxPixels): number =>
  [1, 2, 4, 8].find((by) => Math.ceil(width / by) * Math.ceil(height / by) <= most) ?? 8
