/**
 * Pictures that keep the decoder busy out of proportion to their size. Nothing ends it once it has begun, so their
 * files are walked first.
 *
 * - A JPEG may come in any number of passes, each over all of its pixels: 280 KB of 64 megapixels took 14 seconds.
 * - A TIFF may hold any number of pages, all of which are looked up for the first one: 50 MB took 20 seconds.
 */
import { Effect } from "effect"
import type { Fault } from "./ImageError.ts"

/** Bytes from a place on; fewer at the end. */
export type Read<E> = (from: number, length: number) => Effect.Effect<Uint8Array, E>

/** Passes of a JPEG; encoders make about ten. */
const MOST_SCANS = 100
const MOST_PAGES = 1000
/** Bytes of a file that is looked through for its passes. */
const MOST_BYTES = 2 ** 28

/** Scans of a JPEG, counted no further than needed. Thumbnails lie inside of segments, which are stepped over. */
const scansOf = (bytes: Uint8Array): number => {
  let scans = 0
  let at = 2
  while (scans <= MOST_SCANS) {
    at = bytes.indexOf(0xff, at)
    const marker = at < 0 ? 0xd9 : bytes[at + 1] ?? 0xd9
    if (marker === 0xd9) break
    if (marker === 0xff) at += 1
    // Stuffed, or without a length.
    else if (marker < 2 || marker >= 0xd0 && marker <= 0xd8) at += 2
    else {
      if (marker === 0xda) scans++
      at += 2 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0)
    }
  }
  return scans
}

/** Why a JPEG that comes in passes would keep the decoder busy for too long, if it would. */
export const passes = <E>(size: number, read: Read<E>): Effect.Effect<Fault | undefined, E> => {
  if (size > MOST_BYTES) {
    return Effect.succeed({ reason: "too large a file", found: `${size} bytes`, expected: `at most ${MOST_BYTES}` })
  }
  return Effect.map(read(0, size), (bytes) =>
    scansOf(bytes) <= MOST_SCANS ? undefined : {
      reason: "a JPEG in too many passes",
      found: `more than ${MOST_SCANS}`,
      expected: "about ten: save it again"
    })
}

/** Why a TIFF, classic or big, would keep the decoder busy for too long, if it would. */
export const pages = <E>(read: Read<E>): Effect.Effect<Fault | undefined, E> =>
  Effect.gen(function*() {
    const head = yield* read(0, 16)
    const isLittle = head[0] === 0x49
    const isBig = head[isLittle ? 2 : 3] === 0x2b
    const number = (bytes: Uint8Array, size: number) => {
      const digits = [...bytes.subarray(0, size)]
      return digits.length < size
        ? 0
        : (isLittle ? digits.reverse() : digits).reduce((sum, byte) => 256 * sum + byte, 0)
    }
    const [counted, entry, pointer] = isBig ? [8, 20, 8] : [2, 12, 4]
    let next = number(head.subarray(isBig ? 8 : 4), pointer)
    for (let found = 0; next > 0 && Number.isSafeInteger(next); found++) {
      if (found === MOST_PAGES) {
        return { reason: "too many pages", found: `more than ${MOST_PAGES}`, expected: "one picture in a file" }
      }
      const after = next + counted + number(yield* read(next, counted), counted) * entry
      next = Number.isSafeInteger(after) ? number(yield* read(after, pointer), pointer) : 0
    }
    return undefined
  })
