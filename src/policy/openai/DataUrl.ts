/** Images as data URLs, within a limit of bytes. */
import { Effect } from "effect"
import sharp from "sharp"
import { Decode, type Image, ImageError } from "../../kernels/image/index.ts"
import { PictureCache } from "../PictureCache.ts"

export interface ImageLimits {
  /** Longer side in pixels above which a picture is shrunk. Default 2048. */
  readonly maxSide?: number
  /** Encoded bytes above which a PNG gives way to a JPEG, and a JPEG is refused. Default 4 MiB. */
  readonly maxBytes?: number
}

/** Encoded pictures kept: one is asked about several times in a row. */
const KEPT_BYTES = 64 * 1024 * 1024

/** An encoder that remembers. Lossless as long as that fits, so that a remote model sees what a local one sees. */
export const make = ({ maxBytes = 4 * 1024 * 1024, maxSide = 2048 }: ImageLimits = {}) => {
  const kept = new PictureCache<string>(KEPT_BYTES, (url) => url.length)

  const encode = Effect.fnUntraced(function*(image: Image.Image) {
    const { data, height, width } = yield* Decode.load(image)
    const shrunk = () =>
      sharp(data, { raw: { width, height, channels: 3 } }).resize({
        width: maxSide,
        height: maxSide,
        fit: "inside",
        withoutEnlargement: true
      })
    const run = (encoder: () => Promise<Buffer>) =>
      Effect.tryPromise({
        try: encoder,
        catch: (cause) => new ImageError({ image: image.id, reason: "could not be encoded", cause })
      })
    const png = yield* run(() => shrunk().png().toBuffer())
    if (png.length <= maxBytes) return `data:image/png;base64,${png.toString("base64")}`
    const jpeg = yield* run(() => shrunk().jpeg({ quality: 90 }).toBuffer())
    if (jpeg.length <= maxBytes) return `data:image/jpeg;base64,${jpeg.toString("base64")}`
    return yield* new ImageError({
      image: image.id,
      reason: "too large to send: lower maxSide, or raise maxBytes as far as the server allows",
      found: `${jpeg.length} bytes as a JPEG of ${Math.min(maxSide, Math.max(width, height))} pixels`,
      expected: `at most ${maxBytes}`
    })
  })

  return (image: Image.Image): Effect.Effect<string, ImageError> =>
    Effect.suspend(() => {
      const held = kept.get(image)
      return held !== undefined
        ? Effect.succeed(held)
        : Effect.tap(encode(image), (url) => Effect.sync(() => kept.set(image, url)))
    })
}
