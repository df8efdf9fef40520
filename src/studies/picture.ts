/**
 * A picture as a page shows it.
 */
import { Effect, Schema } from "effect"
import sharp from "sharp"
import { Decode, type Image } from "../kernels/image/index.ts"

/** Longest data URI of a picture, in characters: one 224 pixels wide takes a tenth of it. */
const longest = 2 ** 21

/** What `dataUri` writes: a page shows no picture of another kind, and none from elsewhere. */
export const DataUri = Schema.String.check(
  Schema.isPattern(/^data:image\/png;base64,[A-Za-z0-9+/]+={0,2}$/, {
    expected: "a PNG as data:image/png;base64,… (written by a run)"
  }),
  Schema.isMaxLength(longest)
)

/** Longest side of a thumbnail, in pixels. */
const thumbnailSide = 128

/** A small PNG of few colours, as a data URI, and the size of the picture that it is of: a small one keeps its own. */
export const thumbnail = (image: Image.Image) =>
  Effect.flatMap(
    Decode.load(image),
    ({ data, height, width }) =>
      Effect.map(
        Effect.promise(() =>
          sharp(data, { raw: { width, height, channels: 3 } })
            .resize({ width: thumbnailSide, height: thumbnailSide, fit: "inside", withoutEnlargement: true })
            .png({ palette: true, colours: 128, effort: 1 })
            .toBuffer()
        ),
        (bytes) => ({ png: `data:image/png;base64,${bytes.toString("base64")}`, width, height })
      )
  )

/** A PNG 224 pixels wide, as a data URI. */
export const dataUri = (image: Image.Image) =>
  Effect.flatMap(
    Decode.load(image),
    ({ data, height, width }) =>
      Effect.promise(() =>
        sharp(data, { raw: { width, height, channels: 3 } }).resize({
          width: 224,
          kernel: width < 224 ? "nearest" : "lanczos3"
        }).png().toBuffer()
      )
  ).pipe(Effect.map((bytes) => `data:image/png;base64,${bytes.toString("base64")}`))
