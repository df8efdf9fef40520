/**
 * Memory of pictures that are being decoded, shared by all who decode: eleven kilobytes can stand for a third of a
 * gibibyte of pixels, and sixteen are read at a time.
 */
import { Effect, Semaphore } from "effect"
import type { Header } from "./JpegHeader.ts"

const MEBIBYTE = 2 ** 20
/** MiB that are decoded at a time in a process; a larger picture is decoded alone. */
const MOST = 768

const permits = Semaphore.makeUnsafe(MOST)

/** Bytes of a sample while the decoder works on it. */
const widths: Readonly<Record<string, number>> = { uchar: 1, char: 1, ushort: 2, short: 2 }

/** MiB that decoding takes: four channels a pixel, and all coefficients of a JPEG in passes. */
const needed = ({ depth, format, height, isProgressive, width }: Header, by: number): number => {
  const passes = format === "jpeg" && isProgressive === true ? 6 : 0
  return Math.ceil(width * height * (4 * (widths[depth] ?? 4) / by ** 2 + passes) / MEBIBYTE)
}

/** Decodes once there is room for it. `by` divides the sides of what is decoded. */
export const within =
  (header: Header, by: number) => <A, E, R>(decoding: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    permits.withPermits(Math.min(MOST, needed(header, by)))(decoding)
