/**
 * An image by reference. Bytes are loaded by whoever needs pixels, so a data set of any size stays small in memory.
 *
 * @module
 */
import { Data, Effect, Stream } from "effect"
import { warn } from "../runtime/Warning.ts"
import type { ImageError } from "./ImageError.ts"
import * as Listing from "./Listing.ts"
import type { Variation } from "./Variation.ts"

/** Decoded 8-bit RGB, row-major `[height, width, 3]`. */
export interface Pixels {
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** `height × width × 3` bytes: red, green, blue. */
  readonly data: Uint8Array
}

/** A change of another image's pixels, made when they are asked for. */
interface Varied {
  /** Whose pixels are changed. */
  readonly of: Source
  readonly by: Variation
}

/** Where the pixels come from. */
export type Source = Data.TaggedEnum<{
  /** A path on disk: JPEG, PNG, WebP, GIF, TIFF or AVIF, whatever its name. */
  readonly File: { readonly path: string }
  /** An encoded image held in memory (PNG, JPEG, WebP, …). */
  readonly Encoded: { readonly bytes: Uint8Array }
  /** Pixels made on demand, for example a rendered scene. */
  readonly Rendered: {
    /** Renders the pixels; the same at every call. */
    readonly render: () => Pixels
    /** Whether they have the size that a model takes, so that it resamples them no more. Default false. */
    readonly isFitted?: boolean
    /**
     * Whether pictures of this id have these pixels wherever they are made anew, so that what a model made of one
     * serves the next. Default false: only where it is this very function that draws them.
     */
    readonly isToldById?: boolean
  }
  /** Pixels of another source, mirrored, moved, lighter or darker. */
  readonly Varied: Varied
}>
/** Makes sources, and matches them (`Source.$match`). */
export const Source = Data.taggedEnum<Source>()

/** `id` is stable between runs: random draws are keyed by it, and files name the picture by it. */
export interface Image {
  /** Stable between runs. */
  readonly id: string
  /** Where its pixels come from. */
  readonly source: Source
}

/** The image of a file. Its id is the path, unless another is given. */
export const file = (path: string, id: string = path): Image => ({ id, source: Source.File({ path }) })

/** Options of `folder`. */
export interface FolderOptions {
  /** Whether folders inside of it are looked into. Default false. */
  readonly recursive?: boolean
}

/**
 * The pictures of a folder in order of their names, those of its folders behind. A damaged picture is among them, for
 * whoever reads it to tell; hidden files and files without a picture are left out, which is told.
 */
export const folder = (path: string, { recursive = false }: FolderOptions = {}): Stream.Stream<Image, ImageError> =>
  Listing.list(path, recursive).pipe(
    Effect.tap((listing) => Effect.forEach(Listing.notes(path, listing), warn)),
    Effect.map(({ names }) => Stream.fromIterable(names).pipe(Stream.map((name) => file(name)))),
    Stream.unwrap
  )

/** An image held in memory as an encoded file. */
export const encoded = (id: string, bytes: Uint8Array): Image => ({ id, source: Source.Encoded({ bytes }) })
/** Options of `rendered`. */
export interface RenderedOptions {
  /**
   * Whether pictures of this id have the same pixels wherever they are made anew, so that what a model made of one
   * serves the next. Default false.
   */
  readonly isToldById?: boolean
}

/** An image whose pixels are made when they are asked for. */
export const rendered = (id: string, render: () => Pixels, options: RenderedOptions = {}): Image => ({
  id,
  source: Source.Rendered({ render, ...options })
})
/** Pixels that a preprocessor's `fit` made of an image, in its place: cut into patches as they are. */
export const fitted = (id: string, pixels: Pixels): Image => ({
  id,
  source: Source.Rendered({ render: () => pixels, isFitted: true })
})
/** An image with its pixels changed, under an id of its own. */
export const varied = (id: string, { source }: Image, by: Variation): Image => ({
  id,
  source: Source.Varied({ of: source, by })
})
