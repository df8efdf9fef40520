/**
 * An image by reference. Bytes are loaded by whoever needs pixels, so a data set of any size stays small in memory.
 */
import { Data } from "effect"

/** Decoded 8-bit RGB, row-major `[height, width, 3]`. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** Where the pixels come from. */
export type Source = Data.TaggedEnum<{
  /** A path on disk: JPEG, PNG, WebP, GIF, TIFF or AVIF, whatever its name. */
  readonly File: { readonly path: string }
  /** An encoded image held in memory (PNG, JPEG, WebP, …). */
  readonly Encoded: { readonly bytes: Uint8Array }
  /** Pixels made on demand, for example a rendered scene. */
  readonly Rendered: { readonly render: () => Pixels }
}>
export const Source = Data.taggedEnum<Source>()

/** `id` is stable between runs: caches and random draws are keyed by it. */
export interface Image {
  readonly id: string
  readonly source: Source
}

export const file = (path: string, id: string = path): Image => ({ id, source: Source.File({ path }) })
export const encoded = (id: string, bytes: Uint8Array): Image => ({ id, source: Source.Encoded({ bytes }) })
export const rendered = (id: string, render: () => Pixels): Image => ({ id, source: Source.Rendered({ render }) })
