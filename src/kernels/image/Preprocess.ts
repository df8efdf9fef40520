/**
 * What a model's image processor does, from its preprocessor_config.json: size, resampling, normalisation, patches.
 */
import { Effect, Result, Schema } from "effect"
import * as Decode from "./Decode.ts"
import type { Image, Pixels } from "./Image.ts"
import { type Fault, ImageError } from "./ImageError.ts"
import { type Cut, cut, type Grid, type Patches, patchesOf, table } from "./Patchify.ts"
import { checkLimits } from "./PreprocessLimits.ts"
import { releaseOf } from "./releaseOf.ts"
import { resample } from "./resample.ts"
import { type Size, smartResize } from "./smartResize.ts"

/** A picture at the size that a model takes, and its own width and height in pixels, orientation applied. */
export interface Fitted {
  readonly pixels: Pixels
  readonly width: number
  readonly height: number
}

export interface Preprocessor {
  /**
   * The first half of `process`: what it gives is small, and `Image.fitted` of it is processed to the same patches as
   * the image itself. As any other image it need not be: where `minPixels` and `maxPixels` lie close together,
   * `smartResize` of a size that it chose is another.
   */
  readonly fit: (image: Image) => Effect.Effect<Fitted, ImageError>
  /**
   * Whether `fit` leaves pixels of this size as they are. An engine that is sent such pixels, and fits them again as it
   * does every picture, then sees the same.
   */
  readonly isSettled: (size: Size) => boolean
  /**
   * An image at the size that a model takes, to be cut into patches where these are read: pixels are an eighth of them.
   * One whose size fits already is never resampled, and a rendered one never encoded.
   */
  readonly cut: (image: Image) => Effect.Effect<Cut, ImageError>
  /** All patches of an image, in memory of their own. */
  readonly process: (image: Image) => Effect.Effect<Patches, ImageError>
  /** Visual tokens that the language model sees: patches ÷ mergeSize². */
  readonly mergedTokens: (grid: Grid) => number
  /** Length of one flattened patch: 3 × temporalPatchSize × patchSize². */
  readonly patchLength: number
  readonly patchSize: number
  readonly temporalPatchSize: number
  readonly mergeSize: number
  /** Bounds on the area of a processed image, in pixels. */
  readonly minPixels: number
  readonly maxPixels: number
  /** Whether images of another size are scaled into these bounds. */
  readonly resized: boolean
  /** What becomes of a byte: (byte · scale − mean) / std, by channel. */
  readonly values: Values
}

/** How bytes become numbers, by channel. */
export interface Values {
  readonly scale: number
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))
const Positive = Schema.Int.pipe(Schema.check(Schema.isGreaterThan(0)))
const Three = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite])

/** The fields that change what comes out; others are ignored. */
const Config = Schema.Struct({
  patch_size: optional(Positive),
  temporal_patch_size: optional(Positive),
  merge_size: optional(Positive),
  min_pixels: optional(Positive),
  max_pixels: optional(Positive),
  size: optional(Schema.Struct({
    shortest_edge: optional(Positive),
    longest_edge: optional(Positive),
    min_pixels: optional(Positive),
    max_pixels: optional(Positive)
  })),
  image_mean: optional(Three),
  image_std: optional(Three.pipe(Schema.check(Schema.makeFilter((std: ReadonlyArray<number>) => !std.includes(0))))),
  rescale_factor: optional(Schema.Finite),
  resample: optional(Schema.Literal(3)),
  image_processor_type: optional(Schema.Literals([
    "Qwen2VLImageProcessor",
    "Qwen2VLImageProcessorFast",
    "Qwen2VLImageProcessorPil",
    "Qwen2_5_VLImageProcessor"
  ])),
  do_center_crop: optional(Schema.Literal(false)),
  do_pad: optional(Schema.Literal(false)),
  do_resize: optional(Schema.Boolean),
  do_rescale: optional(Schema.Boolean),
  do_normalize: optional(Schema.Boolean)
})

const settingsFile = "preprocessor_config.json"

const faultOf = (image: Image) => (fault: Fault): ImageError =>
  new ImageError({
    image: image.id,
    ...fault,
    ...(image.source._tag === "File" ? { path: image.source.path } : {})
  })

/**
 * @param config content of preprocessor_config.json; fields it lacks take the values of transformers'
 * Qwen2VLImageProcessor. Another processor, cropping, padding or a `resample` other than 3 (bicubic) is an error, not
 * another result.
 */
export const fromConfig = (config: unknown): Effect.Effect<Preprocessor, ImageError> =>
  Effect.gen(function*() {
    yield* checkLimits(settingsFile, config)
    const settings = yield* Schema.decodeUnknownEffect(Config)(config).pipe(
      Effect.mapError((cause) =>
        new ImageError({ image: settingsFile, reason: cause.message.replaceAll("\n", " "), cause })
      )
    )
    const patchSize = settings.patch_size ?? 14
    const temporalPatchSize = settings.temporal_patch_size ?? 2
    const mergeSize = settings.merge_size ?? 2
    const { size } = settings
    const minPixels = settings.min_pixels ?? size?.shortest_edge ?? size?.min_pixels ?? 56 * 56
    const maxPixels = settings.max_pixels ?? size?.longest_edge ?? size?.max_pixels ?? 28 * 28 * 1280
    if (minPixels > maxPixels) {
      return yield* new ImageError({
        image: settingsFile,
        reason: "min_pixels is greater than max_pixels",
        found: `${minPixels} and ${maxPixels}`
      })
    }
    const normalised = settings.do_normalize ?? true
    const values: Values = {
      scale: settings.do_rescale ?? true ? settings.rescale_factor ?? 1 / 255 : 1,
      mean: normalised ? settings.image_mean ?? [0.48145466, 0.4578275, 0.40821073] : [0, 0, 0],
      std: normalised ? settings.image_std ?? [0.26862954, 0.26130258, 0.27577711] : [1, 1, 1]
    }
    const patchOptions = {
      patchSize,
      temporalPatchSize,
      mergeSize,
      table: table(values.scale, values.mean, values.std)
    }
    const sizeOptions = { factor: patchSize * mergeSize, minPixels, maxPixels }
    const resized = settings.do_resize ?? true
    const fit: Preprocessor["fit"] = (image) =>
      Effect.flatMap(Decode.load(image), ({ own, ...pixels }) => {
        const isFitted = image.source._tag === "Rendered" && image.source.isFitted === true
        const size = resized && !isFitted ? smartResize(own.height, own.width, sizeOptions) : Result.succeed(pixels)
        const fitted = Result.map(size, (size) => {
          const resampled = resample(pixels, size)
          if (resampled !== pixels) releaseOf(image.source, pixels)
          return { pixels: resampled, ...own }
        })
        return Effect.fromResult(Result.mapError(fitted, faultOf(image)))
      })
    const cutting: Preprocessor["cut"] = (image) =>
      Effect.flatMap(fit(image), ({ height, pixels, width }) => {
        const isResampled = pixels.width !== width || pixels.height !== height
        // A renderer may draw its next picture over this one, where it is still the renderer's.
        const own = image.source._tag === "Rendered" && !isResampled ? { ...pixels, data: pixels.data.slice() } : pixels
        return Effect.fromResult(Result.mapError(cut(own, patchOptions), faultOf(image)))
      })
    return {
      fit,
      isSettled: ({ height, width }) =>
        !resized ||
        Result.match(smartResize(height, width, sizeOptions), {
          onFailure: () => false,
          onSuccess: (size) => size.height === height && size.width === width
        }),
      cut: cutting,
      process: (image) => Effect.map(cutting(image), patchesOf),
      mergedTokens: ([t, h, w]) => t * h * w / (mergeSize * mergeSize),
      patchLength: 3 * temporalPatchSize * patchSize * patchSize,
      patchSize,
      temporalPatchSize,
      mergeSize,
      minPixels,
      maxPixels,
      resized,
      values
    }
  })
