/** Headers that are read without the decoder say what the decoder says. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import sharp, { type Sharp } from "sharp"
import * as Header from "../../../src/kernels/image/Header.ts"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import * as JpegHeader from "../../../src/kernels/image/JpegHeader.ts"
import { oneEach, repeated } from "./scans.ts"

const picture = (width: number, height: number) =>
  sharp(Uint8Array.from({ length: width * height * 3 }, (_, i) => 7 * i), { raw: { width, height, channels: 3 } })

const jpegOf = (change: (picture: Sharp) => Sharp, width = 40, height = 24) =>
  Effect.promise(() => change(picture(width, height)).toBuffer())

/** As the decoder tells it, with what nobody asks left out. */
const told = (bytes: Uint8Array) =>
  Effect.map(
    Effect.promise(() => sharp(bytes).metadata()),
    ({ autoOrient, depth, format, hasAlpha, height, isProgressive, space, width }): JpegHeader.Header => ({
      autoOrient,
      depth,
      format,
      hasAlpha,
      height,
      isProgressive,
      space,
      width
    })
  )

/** The beginning of a JPEG, a segment put behind its first two bytes. */
const withSegment = (bytes: Uint8Array, marker: number, content: string) => {
  const length = content.length + 2
  const head = [0xff, 0xd8, 0xff, marker, length >> 8, length & 255, ...Buffer.from(content, "latin1")]
  return Uint8Array.from([...head, ...bytes.subarray(2)])
}

describe("the header of a plain JPEG", () => {
  it.effect("is the decoder's, in colour, in grey, with a profile, Adobe's marker and restarts", () =>
    Effect.gen(function*() {
      const plain = yield* jpegOf((picture) => picture.jpeg())
      const all = [
        plain,
        yield* jpegOf((picture) => picture.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), 1, 300),
        yield* jpegOf((picture) => picture.toColourspace("b-w").jpeg()),
        yield* jpegOf((picture) => picture.jpeg().withIccProfile("p3")),
        withSegment(plain, 0xee, "Adobe\0d\0\0\0\0\x01"),
        withSegment(plain, 0xfe, "a comment"),
        // Nothing behind a scan that holds all components is decoded.
        repeated(plain, 200)
      ]
      for (const bytes of all) assert.deepStrictEqual(JpegHeader.read(bytes), yield* told(bytes))
    }))

  it.effect("is left to the decoder where it says more, or looks odd", () =>
    Effect.gen(function*() {
      const plain = yield* jpegOf((picture) => picture.jpeg())
      const frame = plain.indexOf(Uint8Array.of(0xff, 0xc0))
      const changed = (at: number, value: number) => {
        const bytes = Uint8Array.from(plain)
        bytes[frame + at] = value
        return bytes
      }
      const scanned = (at: number, value: number) =>
        changed(plain.indexOf(Uint8Array.of(0xff, 0xda)) - frame + at, value)
      const twice = Uint8Array.from([
        ...plain.subarray(0, frame),
        ...plain.subarray(frame, frame + 19),
        ...plain.subarray(frame)
      ])
      const all = {
        empty: new Uint8Array(0),
        png: yield* jpegOf((picture) => picture.png()),
        progressive: yield* jpegOf((picture) => picture.jpeg({ progressive: true })),
        ink: yield* jpegOf((picture) => picture.toColourspace("cmyk").jpeg()),
        exif: yield* jpegOf((picture) => picture.jpeg().withExif({ IFD0: { Copyright: "nobody" } })),
        turned: yield* jpegOf((picture) => picture.jpeg().withMetadata({ orientation: 6 })),
        "a gain map": withSegment(plain, 0xe2, "urn:iso:std:iso:ts:21496:-1\0"),
        "an arithmetic code": changed(1, 0xc9),
        "12 bits": changed(4, 12),
        "no height": changed(6, 0),
        "two components": changed(9, 2),
        "a length that is none": changed(3, 1),
        "two frames": twice,
        "a scan for each component": yield* oneEach([1, 2, 3]),
        "a scan of another length": scanned(3, 13),
        "a scan of four components": scanned(4, 4),
        "a byte that is no marker": changed(0, 0)
      }
      for (const [name, bytes] of Object.entries(all)) assert.isUndefined(JpegHeader.read(bytes), name)
    }))

  it.effect("is judged by the same rules, whether all is decoded next or not", () =>
    Effect.gen(function*() {
      const plain = yield* jpegOf((picture) => picture.jpeg())
      const all = {
        plain,
        "plain, 200 times": repeated(plain, 200),
        "a scan for each component": yield* oneEach([1, 2, 3]),
        "200 scans": yield* oneEach(Array.from({ length: 200 }, (_, i) => 1 + i % 3))
      }
      for (const [name, bytes] of Object.entries(all)) {
        const verdict = (isDecoded: boolean) =>
          Header.read(bytes, {}, isDecoded).pipe(
            Effect.map(({ isProgressive }) => isProgressive),
            Effect.catchTag("Refused", ({ fault }) => Effect.succeed(fault))
          )
        assert.deepStrictEqual(yield* verdict(true), yield* verdict(false), name)
      }
    }))

  it.effect("is none or the same of a file that breaks off, and such a file is not decoded", () =>
    Effect.gen(function*() {
      const bytes = yield* jpegOf((picture) => picture.jpeg())
      const whole = JpegHeader.read(bytes)
      const scan = bytes.indexOf(Uint8Array.of(0xff, 0xda))
      assert.isDefined(whole)
      for (let end = 0; end < bytes.length; end++) {
        const found = JpegHeader.read(bytes.subarray(0, end))
        assert.deepStrictEqual(found, end >= scan + 5 ? whole : undefined, `${end}`)
      }
      const error = yield* Effect.flip(Decode.load(Image.encoded("cut", bytes.subarray(0, scan + 10))))
      assert.include(error.message, "cut: a damaged image: some of its data is missing")
    }))
})
