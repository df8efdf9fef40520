/**
 * What whole JPEGs of real cameras and programs have odd in them, mended, so that all that the decoder still complains
 * of is damage.
 *
 * The decoder knows one kind of complaint for both. Left out or set to what is usual: bytes between segments, an
 * unknown revision of JFIF, a colour profile, an unknown colour transform in Adobe's segment, a range of coefficients
 * where a sequential JPEG has none, zeros behind the data of a scan, and scans of a progressive one that come twice or
 * too early. Whatever follows the end of the picture, and bytes between a sequential one's last pixel and its end, the
 * decoder does not look at.
 */

import * as JpegScans from "./JpegScans.ts"

const marks = { start: 0xd8, end: 0xd9, scan: 0xda, jfif: 0xe0, profile: 0xe2, adobe: 0xee }

/** Whether a scan's data goes on behind 0xff and this byte: it is stuffed, or restarts. */
const goesOn = (byte: number | undefined): boolean => byte === 0 || byte !== undefined && byte >= 0xd0 && byte <= 0xd7

/** Where the data of a scan that begins at `from` ends. */
const endOf = (bytes: Uint8Array, from: number): number => {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (!goesOn(bytes[at + 1])) return at
  }
  return bytes.length
}

/** Data without the zeros behind it. Encoders fill its last byte with ones; a zero behind 0xff belongs to that. */
const unpadded = (data: Uint8Array): Uint8Array => {
  const last = data.findLastIndex((byte) => byte !== 0)
  return data.subarray(0, data[last] === 0xff ? last + 2 : last + 1)
}

/** A segment as it is usual; none where it may be left out. */
const usual = (segment: Uint8Array, isSequential: boolean): Uint8Array | undefined => {
  const marker = segment[1]
  if (marker === marks.profile) return undefined
  // Not `slice`: of a Buffer that is the same memory.
  const copy = new Uint8Array(segment)
  // Behind marker, length and "JFIF\0".
  if (marker === marks.jfif && copy.length > 9) copy[9] = 1
  if (marker === marks.scan && isSequential && copy.length > 7) copy.set([0, 63, 0], copy.length - 3)
  return copy
}

/** Whether a segment begins a frame, and says how many components it has: C4, C8 and CC hold something else. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/** Sets an unknown colour transform of Adobe's to what the decoder takes it for: YCbCr, or YCCK of four components. */
const setTransform = (adobe: Uint8Array, components: number | undefined): void => {
  const transform = components === 3 ? 1 : components === 4 ? 2 : undefined
  // Behind marker, length, "Adobe", its version and two sets of flags.
  if (transform !== undefined && adobe.length > 15 && adobe[15] !== 0) adobe[15] = transform
}

/** The same JPEG without what is odd and harmless. */
export const mended = (bytes: Uint8Array): Uint8Array => {
  const parts: Array<Uint8Array> = [Uint8Array.of(0xff, marks.start)]
  let isSequential = true
  const scans = JpegScans.make()
  let adobe: Uint8Array | undefined
  let end = new Uint8Array()
  let at = 2
  for (;;) {
    at = bytes.indexOf(0xff, at)
    while (bytes[at + 1] === 0xff && at >= 0) at++
    const marker = at < 0 ? undefined : bytes[at + 1]
    if (marker === undefined) break
    if (marker === marks.end) {
      end = Uint8Array.of(0xff, marks.end)
      break
    }
    // Without a length: a restart or a zero that lies between segments.
    if (marker <= 1 || marker >= 0xd0 && marker <= marks.start) {
      at += 2
      continue
    }
    const next = at + 2 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0)
    if (marker === 0xc2) isSequential = false
    const segment = usual(bytes.subarray(at, next), isSequential)
    // A scan brings its tables, wherever it comes to stand.
    const isTaken = segment !== undefined && scans.take(segment)
    const isLater = !isSequential && (isTaken || marker === marks.scan)
    if (segment !== undefined && !isLater) parts.push(segment)
    if (marker === marks.adobe) adobe = segment
    if (isFrame(marker) && adobe !== undefined) setTransform(adobe, bytes[at + 9])
    at = next
    if (marker === marks.scan) {
      at = endOf(bytes, next)
      const data = unpadded(bytes.subarray(next, at))
      if (isSequential || segment === undefined) parts.push(data)
      else scans.add(segment, data)
    }
  }
  return Buffer.concat([...parts, ...scans.inOrder(), end])
}
