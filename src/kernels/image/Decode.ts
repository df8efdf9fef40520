/**
 * Images to 8-bit RGB pixels, whatever they were stored as.
 *
 * EXIF orientation is applied, transparency laid on white, grey, 16-bit and CMYK images converted, and of an animation
 * the first frame taken. Embedded colour profiles are ignored, as the reference processors ignore them.
 *
 * Size, sides and the work that a file makes are held to caps before any pixel is decoded. Pictures that are decoded at
 * the same time share their memory. A JPEG beyond the cap, up to four times, is decoded at a half of its sides or
 * less.
 *
 * A picture whose data is not all there, or spoiled where that shows, is an error: nothing is filled in.
 *
 * @module
 */
import { Effect } from "effect"
import { readFile, stat } from "node:fs/promises"
import sharp from "sharp"
import { release } from "../runtime/release.ts"
import * as SystemFault from "../runtime/SystemFault.ts"
import * as Caps from "./Caps.ts"
import * as DecodedMemory from "./DecodedMemory.ts"
import * as Format from "./Format.ts"
import * as Header from "./Header.ts"
import { type Image, type Pixels, Source } from "./Image.ts"
import { ImageError } from "./ImageError.ts"
import * as JpegOddities from "./JpegOddities.ts"
import { releaseOf } from "./releaseOf.ts"
import { vary } from "./vary.ts"

// Pictures are decoded once: what the library keeps of its last hundred operations is never asked for again.
sharp.cache(false)

/** Limits of `load`. */
export interface DecodeLimits {
  /**
   * Width × height above which an image is refused. Default: Pillow's, 89,478,485, and four times that for a JPEG,
   * which is shrunk.
   */
  readonly maxPixels?: number
}

/** Default of `maxPixels`: Pillow's limit, in pixels. */
export const defaultMaxPixels = Caps.defaultMaxPixels

/** A decoded image. */
export interface Decoded extends Pixels {
  /** Its own size in pixels, orientation applied: greater than that of `data` where it was shrunk. */
  readonly own: Pick<Pixels, "width" | "height">
}

const causeText = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Why sharp could not read a file, found out after the fact so that the good case costs nothing. */
const explainFile = (image: string, path: string, cause: unknown, isBegun = false): Effect.Effect<ImageError> =>
  Effect.tryPromise(() => stat(path)).pipe(Effect.match({
    onFailure: ({ cause: error }) => {
      // What a listing could not read of a name stands as this sign in it, and no file has that name.
      const odd = path.includes("\ufffd") && SystemFault.codeOf(error) === "ENOENT"
      const reason = odd
        ? "no such file: the bytes of its name are no UTF-8, and such names cannot be opened. Rename it"
        : SystemFault.words(error, { path })
      return new ImageError({ image, path, reason, cause: error })
    },
    onSuccess: (info) => {
      if (!info.isFile()) return new ImageError({ image, path, reason: "not a file", expected: "an image file", cause })
      if (info.size === 0) return new ImageError({ image, path, reason: "the file is empty", found: "0 bytes", cause })
      // The file may be good: too many are open, or its disk failed.
      if (SystemFault.codeOf(cause) !== undefined) {
        return new ImageError({ image, path, reason: SystemFault.words(cause, { path }), cause })
      }
      return unreadable(image, `${info.size} bytes`, cause, isBegun, path)
    }
  }))

/** What the decoder says is its `cause` alone: read beside other pictures, it may speak of one of those. */
const unreadable = (image: string, size: string, cause: unknown, isBegun = false, path?: string): ImageError => {
  const place = path === undefined ? {} : { path }
  return cause instanceof Header.Refused
    ? new ImageError({ image, found: size, ...cause.fault, ...place })
    : new ImageError({
      image,
      reason: isBegun ? Format.spoiled : Format.damaged,
      found: size,
      expected: isBegun ? `${Format.expected}: copy, download or export it again` : Format.expected,
      cause,
      ...place
    })
}

/** Three bytes a pixel out of what sharp gives: grey images keep one channel. */
const toRgb = (data: Uint8Array, channels: number): Uint8Array => {
  if (channels === 3) return data
  const out = new Uint8Array(data.length / channels * 3)
  for (let from = 0, at = 0; at < out.length; from += channels, at += 3) {
    out[at] = out[at + 1] = out[at + 2] = data[from]!
  }
  return out
}

/** Ink on white without a profile, rounded as Pillow does: what reference processors feed their models with. */
const fromInk = (data: Uint8Array): Uint8Array => {
  const out = new Uint8Array(data.length / 4 * 3)
  for (let i = 0, at = 0; i < data.length; i += 4) {
    const light = 255 - data[i + 3]!
    for (let ink = 0; ink < 3; ink++) {
      const product = data[i + ink]! * light + 128
      out[at++] = light - ((product >> 8) + product >> 8)
    }
  }
  return out
}

const decode = (
  input: string | Uint8Array,
  maxPixels: number | undefined,
  /** `isBegun`: whether its header could be read. */
  explain: (cause: unknown, isBegun?: boolean) => Effect.Effect<ImageError>
): Effect.Effect<Decoded, ImageError> =>
  Effect.gen(function*() {
    // `error`: of other formats, and of headers, the decoder warns of what is odd and harmless.
    const options = { failOn: "error", autoOrient: true, ignoreIcc: true, limitInputPixels: false } as const
    const header = yield* Header.read(input, options, true).pipe(
      Effect.catch((error) => Effect.flatMap(explain(error._tag === "Unreadable" ? error.cause : error), Effect.fail))
    )
    const size = Caps.headerOf(header)
    const { height, width } = size
    const broken = Caps.broken(size, maxPixels)
    if (broken !== undefined) {
      const { expected, found, reason } = broken
      return yield* Effect.flatMap(explain(new Header.Refused({ fault: { reason, found, expected } })), Effect.fail)
    }
    const by = maxPixels === undefined ? Caps.reduction(size) : 1
    const { depth, hasAlpha, space } = header
    const isInk = space === "cmyk" && depth === "uchar" && !hasAlpha
    // A JPEG or GIF that is spoiled in its middle only makes it warn, and is grey from there on.
    const failOn = header.format === "jpeg" || header.format === "gif" ? "warning" : "error"
    const pixelsOf = (encoded: string | Uint8Array) => {
      const opened = sharp(encoded, { ...options, failOn, limitInputPixels: width * height })
      const fitted = by === 1
        ? opened
        : opened.resize({ width: Math.ceil(width / by), height: Math.ceil(height / by), fit: "fill" })
      const converted = isInk
        ? fitted.pipelineColourspace("cmyk").toColourspace("cmyk").raw()
        : fitted.flatten({ background: "#ffffff" }).toColourspace("srgb").raw({ depth: "uchar" })
      return converted.toBuffer({ resolveWithObject: true })
    }
    const again = async () => JpegOddities.mended(typeof input === "string" ? await readFile(input) : input)
    const decoding = Effect.tryPromise(() => pixelsOf(input)).pipe(
      Effect.catch((error) =>
        header.format === "jpeg"
          ? Effect.tryPromise(async () => pixelsOf(await again())).pipe(Effect.mapError(() => error))
          : Effect.fail(error)
      ),
      Effect.catch((error) => Effect.flatMap(explain(error.cause, true), Effect.fail))
    )
    return yield* DecodedMemory.within(header, by)(decoding).pipe(Effect.map(({ data, info }) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      const rgb = isInk ? fromInk(bytes) : toRgb(bytes, info.channels)
      if (rgb !== bytes) release(bytes)
      return { width: info.width, height: info.height, data: rgb, own: { width, height } }
    }))
  })

const render = (image: string, draw: () => Pixels, maxPixels?: number): Effect.Effect<Decoded, ImageError> =>
  Effect.flatMap(
    Effect.try({
      try: draw,
      catch: (cause) => new ImageError({ image, reason: `rendering failed: ${causeText(cause)}`, cause })
    }),
    (pixels) => {
      const { data, height, width } = pixels
      if (!(width > 0 && height > 0) || data.length !== width * height * 3) {
        return Effect.fail(
          new ImageError({
            image,
            reason: "rendering gave the wrong number of bytes",
            found: `${data.length} for ${width} × ${height}`,
            expected: `${width * height * 3}`
          })
        )
      }
      const broken = Caps.broken({ width, height, shrinks: false }, maxPixels)
      if (broken === undefined) return Effect.succeed({ ...pixels, own: { width, height } })
      const { expected, found, reason } = broken
      return Effect.fail(new ImageError({ image, reason, found, expected }))
    }
  )

/**
 * Decodes or renders an image. Fails on what is no picture, damaged, or beyond a cap: pixels, 65,535 a side, one side
 * 200 times the other, a JPEG in more than 100 passes, a TIFF of more than 1000 pages.
 */
export const load = (image: Image, { maxPixels }: DecodeLimits = {}): Effect.Effect<Decoded, ImageError> => {
  const { id } = image
  return Source.$match(image.source, {
    File: ({ path }) => decode(path, maxPixels, (cause, isBegun) => explainFile(id, path, cause, isBegun)),
    Encoded: ({ bytes }) =>
      bytes.length === 0
        ? Effect.fail(new ImageError({ image: id, reason: "empty", found: "0 bytes", expected: "an encoded image" }))
        : decode(bytes, maxPixels, (cause, isBegun) =>
          Effect.succeed(unreadable(id, `${bytes.length} bytes`, cause, isBegun))),
    Rendered: ({ render: draw }) => render(id, draw, maxPixels),
    Varied: ({ by, of }) =>
      Effect.map(
        load({ id, source: of }, maxPixels === undefined ? {} : { maxPixels }),
        (decoded) => {
          const changed = { ...vary(decoded, by), own: decoded.own }
          releaseOf(of, decoded)
          return changed
        }
      )
  })
}

/** Width and height in pixels, orientation applied. Only a rendered image is rendered for it: a file's header tells. */
export const size = (image: Image): Effect.Effect<Pick<Pixels, "width" | "height">, ImageError> => {
  const header = (input: string | Uint8Array, explain: (cause: unknown) => Effect.Effect<ImageError>) =>
    Header.read(input, { limitInputPixels: false }).pipe(
      Effect.map(({ autoOrient: { height, width } }) => ({ width, height })),
      Effect.catch((error) => Effect.flatMap(explain(error._tag === "Unreadable" ? error.cause : error), Effect.fail))
    )
  return Source.$match(image.source, {
    File: ({ path }) => header(path, (cause) => explainFile(image.id, path, cause)),
    Encoded: ({ bytes }) =>
      header(bytes, (cause) => Effect.succeed(unreadable(image.id, `${bytes.length} bytes`, cause))),
    Rendered: () => load(image),
    Varied: ({ of }) => size({ id: image.id, source: of })
  })
}
