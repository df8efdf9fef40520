/** Pictures that are small as files and large, or long, in the decoder. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { crc32, deflateSync, gzipSync } from "node:zlib"
import sharp from "sharp"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import { stopwatch } from "../../stopwatch.ts"
import { oneEach, repeated } from "./scans.ts"

const load = (bytes: Uint8Array) => Decode.load(Image.encoded("it", bytes))

/** What a picture is refused with, and how soon. */
const refused = (bytes: Uint8Array) =>
  Effect.gen(function*() {
    const spent = stopwatch()
    const { message } = yield* Effect.flip(load(bytes))
    assert.isBelow(spent(), 1000, message)
    return message
  })

/** A PNG of one bit a pixel, all of one colour. Only so many of its rows are there. */
const png = (width: number, height: number, rows = height): Buffer => {
  const chunk = (type: string, data: Buffer) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, "latin1"), data, Buffer.alloc(4)])
    bytes.writeUInt32BE(data.length, 0)
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4)
    return bytes
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 1
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc((1 + Math.ceil(width / 8)) * rows))),
    chunk("IEND", Buffer.alloc(0))
  ])
}

const jpeg = (width: number, height: number, progressive = false) =>
  Effect.promise(() =>
    sharp({ create: { width, height, channels: 3, background: "#888" } }).jpeg({ progressive }).toBuffer()
  )

/** The same passes over and over: each is one more walk over all pixels. */
const inPasses = (bytes: Buffer, passes: number): Buffer => {
  const begin = bytes.indexOf(Buffer.from([0xff, 0xda]))
  const second = bytes.indexOf(Buffer.from([0xff, 0xda]), begin + 2)
  const third = bytes.indexOf(Buffer.from([0xff, 0xda]), second + 2)
  const scan = Buffer.from(bytes.subarray(second, third))
  // All bits at once, so that the pass may be repeated.
  scan[4 + 1 + 2 * (scan[4] ?? 0) + 2] = 0
  const tables = scan.indexOf(Buffer.from([0xff, 0xc4]), 14)
  const alone = tables < 0 ? scan : scan.subarray(0, tables)
  return Buffer.concat([
    bytes.subarray(0, second),
    ...new Array<Buffer>(passes).fill(alone),
    Buffer.from([0xff, 0xd9])
  ])
}

/** A TIFF of one pixel a page. */
const tiff = (pages: number): Buffer => {
  const size = 2 + 10 * 12 + 4
  const bytes = Buffer.alloc(8 + size * pages + 4)
  bytes.write("II*\0", 0, "latin1")
  bytes.writeUInt32LE(8, 4)
  const tags = [
    [256, 3, 1],
    [257, 3, 1],
    [258, 3, 8],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8 + size * pages],
    [277, 3, 1],
    [278, 3, 1],
    [279, 4, 1],
    [284, 3, 1]
  ] as const
  for (let page = 0; page < pages; page++) {
    const at = 8 + page * size
    bytes.writeUInt16LE(tags.length, at)
    tags.forEach(([tag, type, value], i) => {
      bytes.writeUInt16LE(tag, at + 2 + 12 * i)
      bytes.writeUInt16LE(type, at + 4 + 12 * i)
      bytes.writeUInt32LE(1, at + 6 + 12 * i)
      bytes.writeUInt32LE(value, at + 10 + 12 * i)
    })
    bytes.writeUInt32LE(page === pages - 1 ? 0 : at + size, at + size - 4)
  }
  return bytes
}

const filters = "<feTurbulence baseFrequency='9' numOctaves='99'/>".repeat(3)
const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="9999" height="9999"><filter id="f">${filters}` +
  "</filter><rect width='9999' height='9999' filter='url(#f)'/></svg>"

describe("hostile pictures", () => {
  it.effect("a line of 40 million pixels, and any side that no JPEG has", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* refused(png(1, 40_000_000, 10)),
        "it: too long a side (found 1 × 40000000, expected at most 65535 pixels a side)"
      )
      assert.match(yield* refused(png(70_000, 400)), /found 70000 × 400/)
      assert.strictEqual((yield* load(png(400, 65_535))).height, 65_535)
    }))

  it.effect("one side 200 times the other is read, more is refused as models refuse it", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* refused(png(2, 900)),
        "it: too elongated (found 2 × 900, expected an aspect ratio of at most 200)"
      )
      assert.strictEqual((yield* load(png(2, 400))).height, 400)
    }))

  it.effect("pictures of 9459² that are read at once share the memory that one may take", () =>
    Effect.gen(function*() {
      const bomb = png(9459, 9459)
      assert.isBelow(bomb.length, 12_000)
      const before = process.resourceUsage().maxRSS
      const sizes = yield* Effect.forEach(
        new Array<Buffer>(3).fill(bomb),
        (bytes) => Effect.map(load(bytes), ({ data }) => data.length),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(sizes, new Array(3).fill(9459 * 9459 * 3))
      // What is decoded stays; one more than is decoded at a time would be above.
      assert.isBelow((process.resourceUsage().maxRSS - before) / 1024, 1200)
    }))

  it.effect("a photograph of 100 megapixels is shrunk while it is decoded, and keeps its own size", () =>
    Effect.gen(function*() {
      const { data, height, own, width } = yield* load(yield* jpeg(14_000, 7200))
      assert.deepStrictEqual([width, height, data.length], [7000, 3600, 7000 * 3600 * 3])
      assert.deepStrictEqual(own, { width: 14_000, height: 7200 })
      const error = yield* Effect.flip(
        Decode.load(Image.encoded("it", yield* jpeg(2000, 1000)), { maxPixels: 1_000_000 })
      )
      assert.match(error.message, /found 2000 × 1000, expected at most 1000000/)
    }))

  it.effect("a JPEG in hundreds of passes is refused, one in ten is read", () =>
    Effect.gen(function*() {
      const progressive = yield* jpeg(2000, 2000, true)
      assert.strictEqual((yield* load(progressive)).width, 2000)
      assert.strictEqual((yield* load(inPasses(progressive, 20))).width, 2000)
      assert.match(yield* refused(inPasses(progressive, 200)), /a JPEG in too many passes \(found more than 100/)
    }))

  it.effect("a sequential JPEG in hundreds of scans is refused, and counts as one that is held whole", () =>
    Effect.gen(function*() {
      const scans = (count: number) => oneEach(Array.from({ length: count }, (_, i) => 1 + i % 3))
      const three = yield* scans(3)
      assert.strictEqual((yield* load(three)).width, 64)
      assert.match(yield* refused(yield* scans(200)), /a JPEG in too many passes \(found more than 100/)
      const frame = three.indexOf(Buffer.of(0xff, 0xc0))
      three.writeUInt16BE(9500, frame + 5)
      three.writeUInt16BE(9500, frame + 7)
      assert.match(yield* refused(three), /too many pixels \(found 9500 × 9500, expected at most 89478485/)
      // Behind a scan that holds all components the decoder stops.
      const spent = stopwatch()
      assert.strictEqual((yield* load(repeated(yield* jpeg(64, 48), 20_000))).width, 64)
      assert.isBelow(spent(), 1000)
    }))

  it.effect("a TIFF of thousands of pages is refused, its first page of some is read", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* load(tiff(5))).width, 1)
      assert.match(yield* refused(tiff(100_000)), /too many pages \(found more than 1000/)
      const circle = tiff(2)
      // The second page leads back to the first.
      circle.writeUInt32LE(8, 8 + 2 * 126 - 4)
      assert.match(yield* refused(circle), /too many pages/)
    }))

  it.effect("a drawing is refused by its content, however it is wrapped", () =>
    Effect.gen(function*() {
      const wrapped = [
        drawing,
        `\ufeff${drawing}`,
        `<?xml version="1.0"?><!-- <x> --><!DOCTYPE svg [<!ENTITY a "b">]>\n${drawing}`,
        `  \n\t${drawing}`,
        `<s:svg xmlns:s="http://www.w3.org/2000/svg"/>`
      ]
      const inputs = [...wrapped.map((text) => Buffer.from(text)), gzipSync(drawing), Buffer.from(drawing, "utf16le")]
      for (const input of inputs) assert.match(yield* refused(input), /SVG is not read: export it as PNG/)
    }))
})
