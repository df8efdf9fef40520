/**
 * Headers of plain JPEGs, read here: what the decoder says of them, without a turn of its threads.
 *
 * Plain are sequential ones of 8 bits, grey or of three colours, without EXIF, whose first scan holds all components:
 * the decoder stops behind it. One that begins with fewer may come in any number of scans, and the decoder calls it
 * progressive, whatever its frame says. All else, and all that looks odd, is the decoder's to judge, and it reads these
 * again when it decodes them.
 */
import type { Metadata } from "sharp"

/** What is asked of a header. */
export type Header = Pick<
  Metadata,
  "autoOrient" | "depth" | "format" | "hasAlpha" | "height" | "isProgressive" | "space" | "width"
>

/** Sequential frames: baseline, and with Huffman coding extended. */
const frames: ReadonlySet<number> = new Set([0xc0, 0xc1])
const scan = 0xda
const profile = 0xe2
/** Tables of codes and quantisation, restarts, JFIF, what Adobe marks and comments: none changes what is asked. */
const others: ReadonlySet<number> = new Set([0xc4, 0xdb, 0xdd, 0xe0, 0xee, 0xfe])

/** Marker, length, precision, height, width and number of components; three bytes for each of these follow. */
const frameOf = (head: DataView, at: number, length: number): Header | undefined => {
  if (at + 10 > head.byteLength) return undefined
  const [precision, height, width, components] = [
    head.getUint8(at + 4),
    head.getUint16(at + 5),
    head.getUint16(at + 7),
    head.getUint8(at + 9)
  ]
  const isKnown = precision === 8 && (components === 1 || components === 3) && length === 8 + 3 * components
  // A height of 0 is told behind the scan.
  if (!isKnown || width === 0 || height === 0) return undefined
  return {
    autoOrient: { width, height },
    depth: "uchar",
    format: "jpeg",
    hasAlpha: false,
    height,
    isProgressive: false,
    space: components === 1 ? "b-w" : "srgb",
    width
  }
}

/** Marker, length and number of components; two bytes for each of these follow, and three. */
const isWhole = (head: DataView, at: number, length: number, { space }: Header): boolean => {
  const components = space === "b-w" ? 1 : 3
  return length === 6 + 2 * components && at + 5 <= head.byteLength && head.getUint8(at + 4) === components
}

/** The header of a plain JPEG that begins with `bytes`, as the decoder tells it; nothing where it has to be asked. */
export const read = (bytes: Uint8Array): Header | undefined => {
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (head.byteLength < 2 || head.getUint16(0) !== 0xffd8) return undefined
  let found: Header | undefined
  for (let at = 2; at + 4 <= head.byteLength;) {
    const marker = head.getUint8(at + 1)
    const length = head.getUint16(at + 2)
    if (head.getUint8(at) !== 0xff || length < 2) return undefined
    if (marker === scan) return found !== undefined && isWhole(head, at, length, found) ? found : undefined
    if (frames.has(marker)) {
      if (found !== undefined) return undefined
      found = frameOf(head, at, length)
      if (found === undefined) return undefined
    } else if (marker === profile) {
      // A gain map has the same marker.
      if (Buffer.from(bytes.subarray(at + 4, at + 16)).toString("latin1") !== "ICC_PROFILE\0") return undefined
    } else if (!others.has(marker)) return undefined
    at += 2 + length
  }
  return undefined
}
