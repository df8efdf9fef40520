import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as zlib from "node:zlib"
import sharp, { type Sharp } from "sharp"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import * as Variation from "../../../src/kernels/image/Variation.ts"
import { stopwatch } from "../../stopwatch.ts"

type Rgb = readonly [number, number, number]

const red: Rgb = [255, 0, 0]
const green: Rgb = [0, 255, 0]
const blue: Rgb = [0, 0, 255]

/** Two pixels wide blocks: left and right colour. */
const halves = (width: number, height: number, left: Rgb, right: Rgb) =>
  sharp(
    Uint8Array.from({ length: width * height * 3 }, (_, i) =>
      (Math.floor(i / 3) % width < width / 2 ? left : right)[i % 3]!),
    { raw: { width, height, channels: 3 } }
  )

const solid = (background: { r: number; g: number; b: number; alpha?: number }, width = 16, height = 8) =>
  sharp({ create: { width, height, channels: background.alpha === undefined ? 3 : 4, background } })

const load = (bytes: Uint8Array) => Decode.load(Image.encoded("it", bytes))
const encode = (image: Sharp) => Effect.promise(() => image.toBuffer())

const pixel = (
  { data, width }: Image.Pixels,
  x: number,
  y: number
) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)]
const near = (actual: ReadonlyArray<number>, expected: Rgb, tolerance: number) => {
  for (let i = 0; i < 3; i++) {
    assert.isAtMost(Math.abs(actual[i]! - expected[i]!), tolerance, `${actual} against ${expected}`)
  }
}

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "image-"))),
  (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true }))
)

/** A PNG whose header announces another size: a decompression bomb is refused by what it says of itself. */
const claiming = (png: Buffer, width: number, height: number) => {
  const bytes = Buffer.from(png)
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  bytes.writeUInt32BE(zlib.crc32(bytes.subarray(12, 29)), 29)
  return bytes
}

describe("Decode", () => {
  it.effect("reads the common formats", () =>
    Effect.gen(function*() {
      for (const format of ["png", "webp", "tiff", "gif", "jpeg", "avif"] as const) {
        const pixels = yield* load(yield* encode(halves(32, 16, red, blue).toFormat(format)))
        assert.deepStrictEqual([pixels.width, pixels.height, pixels.data.length], [32, 16, 32 * 16 * 3], format)
        near(pixel(pixels, 2, 8), red, 12)
        near(pixel(pixels, 29, 8), blue, 12)
      }
    }))

  it.effect("applies the EXIF orientation", () =>
    Effect.gen(function*() {
      // 6: the camera was held so that the stored image must be turned clockwise: its left edge comes to the top.
      const pixels = yield* load(yield* encode(halves(32, 16, red, blue).withMetadata({ orientation: 6 }).png()))
      assert.deepStrictEqual([pixels.width, pixels.height], [16, 32])
      assert.deepStrictEqual(pixel(pixels, 8, 2), [...red])
      assert.deepStrictEqual(pixel(pixels, 8, 29), [...blue])
      const mirrored = yield* load(yield* encode(halves(32, 16, red, blue).withMetadata({ orientation: 2 }).png()))
      assert.deepStrictEqual(pixel(mirrored, 2, 2), [...blue])
    }))

  it.effect("lays transparency on white", () =>
    Effect.gen(function*() {
      const clear = yield* load(yield* encode(solid({ r: 255, g: 0, b: 0, alpha: 0 }).png()))
      assert.deepStrictEqual(pixel(clear, 3, 3), [255, 255, 255])
      const half = yield* load(yield* encode(solid({ r: 255, g: 0, b: 0, alpha: 0.5 }).png()))
      near(pixel(half, 3, 3), [255, 127, 127], 1)
      const grey = sharp(new Uint8Array([0, 0, 0, 255, 100, 255, 200, 0]), {
        raw: { width: 4, height: 1, channels: 2 }
      })
      const pixels = yield* load(yield* encode(grey.png()))
      assert.deepStrictEqual([...pixels.data], [255, 255, 255, 0, 0, 0, 100, 100, 100, 255, 255, 255])
    }))

  it.effect("widens grey, narrows 16 bits and converts CMYK photographs", () =>
    Effect.gen(function*() {
      const ramp = Uint8Array.from({ length: 256 }, (_, i) => i)
      const raw = { raw: { width: 16, height: 16, channels: 1 as const } }
      const grey = yield* load(yield* encode(sharp(ramp, raw).toColourspace("b-w").png()))
      assert.deepStrictEqual(grey.data, Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)))
      const deep = Uint16Array.from({ length: 768 }, (_, i) => Math.floor(i / 3) * 257)
      const rgb16 = { raw: { width: 16, height: 16, channels: 3 as const } }
      const wide = yield* encode(sharp(deep, rgb16).toColourspace("rgb16").png())
      assert.strictEqual((yield* Effect.promise(() => sharp(wide).metadata())).depth, "ushort")
      assert.deepStrictEqual((yield* load(wide)).data, grey.data)
      const grey16 = yield* encode(
        sharp(deep.filter((_, i) => i % 3 === 0), { raw: { width: 16, height: 16, channels: 1 } }).toColourspace(
          "grey16"
        ).png()
      )
      assert.deepStrictEqual((yield* Effect.promise(() => sharp(grey16).metadata())).space, "grey16")
      const narrowed = (yield* load(grey16)).data
      for (let i = 0; i < 768; i++) assert.isAtMost(Math.abs(narrowed[i]! - Math.floor(i / 3)), 1)
      const cmyk = yield* encode(
        halves(32, 16, [200, 30, 30], [240, 240, 240]).toColourspace("cmyk").jpeg({ quality: 95 })
      )
      assert.strictEqual((yield* Effect.promise(() => sharp(cmyk).metadata())).space, "cmyk")
      const converted = yield* load(cmyk)
      assert.strictEqual(converted.data.length, 32 * 16 * 3)
      near(pixel(converted, 28, 8), [240, 240, 240], 20)
    }))

  it.effect("reads CMYK as Pillow does", () =>
    Effect.gen(function*() {
      const folder = new URL("../../fixtures/", import.meta.url)
      const expected = JSON.parse(fs.readFileSync(new URL("cmyk.json", folder), "utf8"))
      const { data } = yield* Decode.load(Image.file(fileURLToPath(new URL("cmyk.tif", folder))))
      assert.deepStrictEqual([...data], expected)
    }))

  it.effect("leaves nothing for the collector where pixels are made from pixels, and a renderer its own", () =>
    Effect.gen(function*() {
      const side = 1000
      const flat = solid({ r: 90, g: 120, b: 150 }, side, side)
      const colour = Image.encoded("colour", yield* encode(flat.clone().jpeg()))
      const all = [
        Image.encoded("grey", yield* encode(flat.clone().toColourspace("b-w").png())),
        Image.encoded("ink", yield* encode(flat.clone().toColourspace("cmyk").jpeg())),
        Image.varied("varied", colour, Variation.none),
        Image.varied("varied twice", Image.varied("once", colour, Variation.none), Variation.none)
      ]
      for (const image of all) {
        const before = process.memoryUsage().external
        const { data } = yield* Decode.load(image)
        assert.strictEqual(data.length, side * side * 3)
        assert.isBelow(process.memoryUsage().external - before, 1.2 * data.length, image.id)
      }
      const drawn = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }
      yield* Decode.load(Image.varied("drawn", Image.rendered("drawn", () => drawn), Variation.none))
      assert.deepStrictEqual([...drawn.data], [1, 2, 3, 4, 5, 6])
    }))

  it.effect("leaves values as stored, whatever colour profile comes with them", () =>
    Effect.gen(function*() {
      // Green of sRGB is (117, 251, 76) in Display P3: converting back would give (0, 255, 0).
      const tagged = yield* encode(solid({ r: 0, g: 255, b: 0 }).withIccProfile("p3").png())
      near(pixel(yield* load(tagged), 3, 3), [117, 251, 76], 2)
    }))

  it.effect("takes the first frame of an animation", () =>
    Effect.gen(function*() {
      const frames = [red, green, blue].map(([r, g, b]) => solid({ r, g, b }).png().toBuffer())
      const parts = yield* Effect.promise(() => Promise.all(frames))
      for (const format of ["gif", "webp"] as const) {
        const animated = yield* encode(sharp(parts, { join: { animated: true } }).toFormat(format))
        assert.strictEqual((yield* Effect.promise(() => sharp(animated).metadata())).pages, 3)
        const pixels = yield* load(animated)
        assert.deepStrictEqual([pixels.width, pixels.height], [16, 8])
        near(pixel(pixels, 8, 4), red, 4)
      }
    }))

  it.effect("refuses too many pixels before decoding them", () =>
    Effect.gen(function*() {
      const png = claiming(yield* encode(solid({ r: 0, g: 0, b: 0 }).png()), 30000, 30000)
      const spent = stopwatch()
      const error = yield* Effect.flip(load(png))
      assert.isBelow(spent(), 500)
      assert.include(error.message, "it: too many pixels (found 30000 × 30000, expected at most 89478485)")
      const small = yield* encode(solid({ r: 0, g: 0, b: 0 }, 10, 10).png())
      const limited = (maxPixels: number) => Decode.load(Image.encoded("it", small), { maxPixels })
      assert.strictEqual((yield* limited(100)).width, 10)
      assert.include((yield* Effect.flip(limited(99))).message, "found 10 × 10, expected at most 99")
      const drawn = Image.rendered("drawn", () => ({ width: 10, height: 10, data: new Uint8Array(300) }))
      assert.include((yield* Effect.flip(Decode.load(drawn, { maxPixels: 99 }))).message, "drawn: too many pixels")
    }))

  it.effect("a truncated, damaged or foreign file is a typed error that names image and path", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const noisy = sharp(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24), {
        raw: { width: 64, height: 64, channels: 3 }
      })
      for (const format of ["png", "jpeg", "webp", "gif", "tiff"] as const) {
        const whole = yield* encode(noisy.clone().toFormat(format))
        for (const share of [0.3, 0.6, 0.95]) {
          const file = path.join(dir, `cut.${format}`)
          fs.writeFileSync(file, whole.subarray(0, Math.floor(whole.length * share)))
          const error = yield* Effect.flip(Decode.load(Image.file(file, "sample 7")))
          assert.strictEqual(error._tag, "ImageError")
          assert.include(error.message, `sample 7 (${file})`, `${format} ${share}`)
          assert.include(error.message, "damaged")
        }
      }
      const says = (file: string) => Effect.map(Effect.flip(Decode.load(Image.file(file))), ({ message }) => message)
      const text = path.join(dir, "notes.png")
      fs.writeFileSync(text, "label,joy\n")
      assert.include(yield* says(text), `${text}: not an image, or a damaged one (found 10 bytes`)
      const empty = path.join(dir, "empty.jpg")
      fs.writeFileSync(empty, "")
      assert.include(yield* says(empty), "the file is empty")
      assert.include(yield* says(path.join(dir, "none.jpg")), "none.jpg: no such file")
      assert.include(yield* says(dir), "not a file")
      assert.include((yield* Effect.flip(load(new Uint8Array(0)))).message, "it: empty")
      assert.include((yield* Effect.flip(load(Uint8Array.of(1, 2, 3)))).message, "3 bytes")
    }))

  it.effect("what is spoiled in its middle, where that shows, is refused too: nothing is left grey", () =>
    Effect.gen(function*() {
      const noisy = sharp(Uint8Array.from({ length: 160 * 120 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24), {
        raw: { width: 160, height: 120, channels: 3 }
      })
      /** As a disk or a download leaves it that never got to some blocks. */
      const holed = (whole: Buffer) =>
        Buffer.from(whole).fill(0, Math.floor(whole.length / 2), Math.floor(0.7 * whole.length))
      /** The data ends, and the mark of the picture's end follows. */
      const shortened = (whole: Buffer) => Buffer.concat([whole.subarray(0, whole.length / 2), whole.subarray(-2)])
      const [plain, passes, gif, png] = yield* Effect.all([
        encode(noisy.clone().jpeg()),
        encode(noisy.clone().jpeg({ progressive: true })),
        encode(noisy.clone().gif()),
        encode(noisy.clone().png())
      ])
      const spoiled = [holed(plain), shortened(plain), holed(passes), shortened(passes), holed(gif), holed(png)]
      for (const bytes of spoiled) {
        const { message } = yield* Effect.flip(load(bytes))
        assert.include(message, "it: a damaged image: some of its data is missing or spoiled (found ")
        assert.include(message, "copy, download or export it again")
      }
      const small = sharp(yield* encode(noisy.clone().jpeg())).resize(40).jpeg()
      for (const bytes of [yield* encode(small), plain, passes, gif, png]) yield* load(bytes)
    }))

  it.effect("what cameras leave odd in whole JPEGs does not matter", () =>
    Effect.gen(function*() {
      const whole = yield* encode(halves(64, 48, red, blue).jpeg())
      const noise = Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24)
      const passes = yield* encode(
        sharp(noise, { raw: { width: 64, height: 48, channels: 3 } }).jpeg({ progressive: true })
      )
      const [tables, scan] = [whole.indexOf(Buffer.of(0xff, 0xc4)), whole.indexOf(Buffer.of(0xff, 0xda))]
      const between = (at: number, bytes: Buffer, of = whole) =>
        Buffer.concat([of.subarray(0, at), bytes, of.subarray(at)])
      const jfif = between(2, Buffer.from("ffe00010 4a46494600 0301 00 00480048 0000".replaceAll(" ", ""), "hex"))
      const ranged = Buffer.from(whole)
      ranged[scan + 12] = 0
      const odd = [
        between(tables, Buffer.from("padding")),
        between(tables, Buffer.from("ffffff", "hex")),
        between(whole.length - 2, Buffer.from("1a2b3c", "hex")),
        between(whole.length - 2, Buffer.alloc(500)),
        between(whole.length, Buffer.from("a maker's notes behind the end")),
        jfif,
        ranged
      ]
      const pixels = yield* load(whole)
      for (const [i, bytes] of odd.entries()) {
        assert.deepStrictEqual((yield* load(bytes)).data, pixels.data, `odd ${i}`)
      }
      const padded = between(passes.length - 2, Buffer.alloc(500), passes)
      assert.deepStrictEqual((yield* load(padded)).data, (yield* load(passes)).data)
      /** With Adobe's segment of this colour transform. */
      const adobe = (transform: number) =>
        between(
          2,
          Buffer.concat([Buffer.from("ffee000e41646f626500640000 0000".replace(" ", ""), "hex"), Buffer.of(transform)])
        )
      for (const transform of [1, 2, 5]) {
        assert.deepStrictEqual((yield* load(adobe(transform))).data, pixels.data, `transform ${transform}`)
      }
      const ink = yield* encode(halves(64, 48, red, blue).toColourspace("cmyk").jpeg())
      const inks = (transform: number) => {
        const bytes = Buffer.from(ink)
        bytes[ink.indexOf("Adobe") + 11] = transform
        return load(bytes)
      }
      assert.deepStrictEqual((yield* inks(1)).data, (yield* inks(2)).data)
      assert.notDeepEqual((yield* inks(0)).data, (yield* inks(2)).data, "no transform is one of those that are known")
      // The decoder alone would refuse some of these: they are the cases that are mended.
      const strict = (bytes: Buffer) =>
        Effect.option(Effect.tryPromise(() => sharp(bytes, { failOn: "warning" }).raw().toBuffer()))
      const refused = yield* Effect.filter([...odd, padded], (bytes) => Effect.map(strict(bytes), Option.isNone))
      assert.deepStrictEqual(refused.map((bytes) => [...odd, padded].indexOf(bytes)), [0, 5, 6, 7])
    }))

  it.effect("reads a file and gives the pixels of a rendered image as they are", () =>
    Effect.gen(function*() {
      const file = path.join(yield* folder, "a b.png")
      fs.writeFileSync(file, yield* encode(halves(8, 8, red, green).png()))
      const pixels = yield* Decode.load(Image.file(file))
      assert.deepStrictEqual(pixel(pixels, 0, 0), [...red])
      const drawn = { width: 1, height: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }
      const own = { width: 1, height: 2 }
      assert.deepStrictEqual(yield* Decode.load(Image.rendered("drawn", () => drawn)), { ...drawn, own })
      const wrong = Image.rendered("wrong", () => ({ ...drawn, width: 2 }))
      assert.include((yield* Effect.flip(Decode.load(wrong))).message, "found 6 for 2 × 2, expected 12")
      const failing = Image.rendered("failing", () => {
        throw new Error("no sprite")
      })
      assert.include((yield* Effect.flip(Decode.load(failing))).message, "failing: rendering failed: no sprite")
    }))
})
