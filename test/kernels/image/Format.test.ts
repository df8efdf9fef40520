/** What files are by their content: nothing but raster images reaches the decoder. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { gzipSync } from "node:zlib"
import sharp from "sharp"
import * as Folder from "../../../src/data/Folder.ts"
import * as Format from "../../../src/kernels/image/Format.ts"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import { folder, live } from "../../data/folders.ts"
import { stopwatch } from "../../stopwatch.ts"

/** Drawn, it would take minutes. */
const slow =
  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"2000\" height=\"2000\"><filter id=\"f\"><feTurbulence " +
  "baseFrequency=\"9\" numOctaves=\"9999\"/></filter><rect width=\"2000\" height=\"2000\" filter=\"url(#f)\"/></svg>"
const utf16 = (text: string, swap: boolean) => {
  const bytes = Buffer.from(`\uFEFF${text}`, "utf16le")
  return swap ? bytes.swap16() : bytes
}
/** A box of an ISO media file that says what it is. */
const media = (...brands: ReadonlyArray<string>) => {
  const [main = "", ...others] = brands
  const head = Buffer.from(`\0\0\0\0ftyp${main}\0\0\0\0${others.join("")}`, "latin1")
  head.writeUInt32BE(head.length)
  return Buffer.concat([head, Buffer.alloc(64)])
}

const drawings: Readonly<Record<string, string | Uint8Array>> = {
  plain: slow,
  "with a prolog": `<?xml version="1.0" encoding="UTF-8"?>\n${slow}`,
  "with a document type":
    `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n${slow}`,
  "after white space and comments": `\n\t \r\n<!-- ${"made by hand ".repeat(60)} -->\n<!-- -->${slow}`,
  "with a byte order mark": `\uFEFF${slow}`,
  "in UTF-16": utf16(slow, false),
  "in UTF-16, the other way round": utf16(slow, true),
  "in UTF-16 without a mark": Buffer.from(slow, "utf16le"),
  "in a namespace": slow.replaceAll("<", "<s:").replaceAll("<s:/", "</s:").replace("xmlns=", "xmlns:s="),
  packed: gzipSync(slow),
  "in the words of another format": `<!--ftypavif    avif-->${slow}`
}

const others: ReadonlyArray<readonly [name: string, bytes: string | Uint8Array, says: string]> = [
  ["page.jpg", "<!doctype html><html><title>404</title>", "HTML or XML is not read: it is a page"],
  ["paper.png", "%PDF-1.7\n", "PDF is not read: export it as PNG"],
  ["figure.png", "%!PS-Adobe-3.0 EPSF-3.0", "PostScript is not read"],
  ["old.png", "BM6\0\0\0\0\0\0\0", "BMP is not read"],
  ["phone.jpg", media("heic", "mif1", "heic"), "HEIC is not read"],
  ["clip.jpg", media("isom", "mp41"), "video is not read"],
  ["new.jpg", Buffer.from([0xff, 0x0a, 1, 2, 3]), "JPEG XL is not read"],
  ["scan.tif", Buffer.from("\0\0\0\x0cjP  \r\n\x87\n", "latin1"), "JPEG 2000 is not read"],
  ["layers.png", "8BPS\0\x01", "Photoshop's PSD is not read"],
  ["map.png", "P6\n2 2 255\n", "PBM, PGM or PPM is not read"],
  ["box.png", gzipSync("label,joy"), "a gzip archive is not read"],
  ["photos.png", "PK\x03\x04....", "a ZIP archive is not read"],
  [
    "far.png",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`,
    "a Git LFS pointer in the place of a file of 12345 bytes: fetch it with git lfs pull"
  ],
  ["notes.png", "label,joy\n", "not an image, or a damaged one"],
  ["word.png", "a page about <svg> elements", "not an image, or a damaged one"]
]

const bytesOf = (content: string | Uint8Array) => (typeof content === "string" ? Buffer.from(content) : content)

describe("drawings are refused whatever their name says, before anything is drawn", () => {
  for (const [name, content] of Object.entries(drawings)) {
    it.effect(name, () =>
      live(
        Effect.gen(function*() {
          const root = yield* folder({ "picture.png": bytesOf(content), "picture.svg": bytesOf(content) })
          const spent = stopwatch()
          const inMemory = yield* Effect.flip(Decode.load(Image.encoded("it", bytesOf(content))))
          assert.include(inMemory.message, "it: SVG is not read: export it as PNG")
          const { picture } = yield* Folder.open(root, "pictures")
          for (const file of ["picture.png", "picture.svg"]) {
            const error = yield* Effect.flip(Decode.load(Image.file(`${root}/${file}`)))
            assert.include(error.message, `${root}/${file}: SVG is not read: export it as PNG`)
            assert.deepStrictEqual(yield* Effect.flip(picture(file)), {
              reason: "unreadable-image",
              detail: `${file}: SVG is not read: export it as PNG`
            })
          }
          assert.strictEqual(
            (yield* Effect.flip(Folder.encoded("it", bytesOf(content)))).detail,
            "it: SVG is not read: export it as PNG"
          )
          assert.isBelow(spent(), 2000)
        })
      ))
  }
})

describe("what is not read is named", () => {
  for (const [name, content, says] of others) {
    it.effect(`${name}: ${says}`, () =>
      live(
        Effect.gen(function*() {
          const root = yield* folder({ [name]: bytesOf(content) })
          assert.include(
            (yield* Effect.flip(Decode.load(Image.file(`${root}/${name}`)))).message,
            `${root}/${name}: ${says}`
          )
          assert.include((yield* Effect.flip(Folder.encoded("it", bytesOf(content)))).detail, `it: ${says}`)
        })
      ))
  }
})

it.effect("raster formats are known under any name", () =>
  live(
    Effect.gen(function*() {
      const solid = sharp({ create: { width: 6, height: 4, channels: 3, background: "red" } })
      for (const format of ["png", "jpeg", "webp", "gif", "tiff", "avif"] as const) {
        const bytes = yield* Effect.promise(() => solid.clone().toFormat(format).toBuffer())
        assert.isTrue(Format.isRaster(bytes), format)
        const root = yield* folder({ "picture.svg": bytes })
        const { height, width } = yield* Decode.load(Image.file(`${root}/picture.svg`))
        assert.deepStrictEqual([width, height], [6, 4], format)
      }
      const big = yield* Effect.promise(() => solid.clone().tiff({ bigtiff: true }).toBuffer())
      assert.isTrue(Format.isRaster(big))
      assert.isTrue(Format.isRaster(media("mif1", "avif", "miaf")), "AVIF under a general brand")
      for (let length = 0; length < 12; length++) {
        assert.isFalse(Format.isRaster(Buffer.from("\0\0\0\x20ftypavif", "latin1").subarray(0, length)))
      }
    })
  ))
