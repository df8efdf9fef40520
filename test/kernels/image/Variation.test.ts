/** Pictures changed a little, against what sharp makes of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import sharp, { type Sharp } from "sharp"
import { Decode, Image } from "../../../src/kernels/image/index.ts"
import * as Variation from "../../../src/kernels/image/Variation.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"

const [width, height] = [10, 7]
const random = Keyed.stream(3, "pixels")
const data = Uint8Array.from({ length: width * height * 3 }, () => random.int(256))
const pixels: Image.Pixels = { width, height, data }
const raw = () => sharp(data, { raw: { width, height, channels: 3 } })
const bytes = (image: Sharp) => Effect.promise(async () => new Uint8Array(await image.raw().toBuffer()))
const image = Image.rendered("one", () => pixels)
const load = (by: Partial<Variation.Variation>) =>
  Decode.load(Image.varied("one~1", image, { ...Variation.none, ...by }))

describe("Variation", () => {
  it.effect("of none is the picture as it is", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* load({}), { ...pixels, own: { width, height } })
    }))

  it.effect("mirrored is what sharp calls a flop", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* load({ mirrored: true })).data, yield* bytes(raw().flop()))
    }))

  it.effect("moved repeats the border, as sharp's extension by copying", () =>
    Effect.gen(function*() {
      const sides = [{ right: 0.2, down: 0 }, { right: -0.31, down: 0.28 }, { right: 0.5, down: -0.5 }, {
        right: 0.04,
        down: -0.05
      }]
      for (const { down, right } of sides) {
        const [dx, dy] = [Math.round(right * width), Math.round(down * height)]
        const [left, top] = [Math.max(0, -dx), Math.max(0, -dy)]
        const cut = yield* bytes(
          raw().extract({ left, top, width: width - Math.abs(dx), height: height - Math.abs(dy) })
        )
        const wanted = sharp(cut, {
          raw: { width: width - Math.abs(dx), height: height - Math.abs(dy), channels: 3 }
        }).extend({
          left: Math.max(0, dx),
          right: left,
          top: Math.max(0, dy),
          bottom: top,
          extendWith: "copy"
        })
        assert.deepStrictEqual((yield* load({ right, down })).data, yield* bytes(wanted), `${right}, ${down}`)
      }
    }))

  it.effect("lighter and darker are sharp's linear change, to the nearest whole number", () =>
    Effect.gen(function*() {
      for (const light of [0.8, 1.25, 3]) {
        const [ours, theirs] = [(yield* load({ light })).data, yield* bytes(raw().linear(light, 0))]
        ours.forEach((value, i) => assert.isAtMost(Math.abs(value - theirs[i]!), 1))
      }
      assert.deepStrictEqual([...(yield* load({ light: 3 })).data].filter((value) => value === 255).length > 0, true)
    }))

  it.effect("of a file that cannot be read is the file's own error; the size is the file's", () =>
    Effect.gen(function*() {
      const missing = Image.varied("gone~1", Image.file("/nowhere/gone.png"), Variation.none)
      assert.include((yield* Effect.flip(Decode.load(missing))).message, "gone.png")
      assert.deepStrictEqual(
        yield* Decode.size(Image.varied("one~1", image, { ...Variation.none, right: 0.5 })),
        yield* Decode.size(image)
      )
    }))
})
