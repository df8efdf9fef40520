import { Effect } from "effect"
import sharp from "sharp"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import { holds, type Target } from "../Target.ts"

const formats = ["jpeg", "png", "webp", "gif", "tiff", "avif"] as const

const made = Effect.promise(async () => {
  const noise = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24)
  const picture = sharp(noise, { raw: { width: 64, height: 48, channels: 3 } })
  const plain = await Promise.all(formats.map((format) => picture.clone().toFormat(format).toBuffer()))
  const others = await Promise.all([
    picture.clone().jpeg({ progressive: true }).withExif({ IFD0: { Orientation: "6" } }).toBuffer(),
    picture.clone().png({ progressive: true, palette: true }).toBuffer(),
    picture.clone().tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: "deflate" }).toBuffer(),
    picture.clone().webp({ lossless: true }).toBuffer()
  ])
  return [...plain, ...others, Buffer.from("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>")]
})

export const target: Target = {
  name: "image",
  kind: "bytes",
  seeds: made,
  run: (input) =>
    Effect.match(Decode.load(Image.encoded("x", input)), {
      onFailure: ({ message }) => {
        holds(message.length < 2000, () => `an error of ${message.length} characters`)
        return false
      },
      onSuccess: ({ data, height, width }) => {
        holds(data.length === width * height * 3, () => `${data.length} bytes for ${width} × ${height}`)
        return true
      }
    })
}
