/**
 * A picture as a page shows it.
 */
import { Effect } from "effect"
import sharp from "sharp"
import { Decode, type Image } from "../kernels/image/index.ts"

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
