import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as fs from "node:fs"
import sharp from "sharp"
import { Image, Patchify, Preprocess } from "../../../src/kernels/image/index.ts"
import { patchBands } from "../../../src/kernels/image/patchBands.ts"
import { patchLoops } from "../../../src/kernels/image/patchLoops.ts"
import * as Variation from "../../../src/kernels/image/Variation.ts"
import { stopwatch } from "../../stopwatch.ts"

const fixtures = new URL("../../fixtures/", import.meta.url)
const { cases, stride } = JSON.parse(fs.readFileSync(new URL("image.json", fixtures), "utf8"))
const bytes = fs.readFileSync(new URL("image.bin", fixtures))
const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))

/** As in the fixture script. */
const noise = (height: number, width: number, seed: number): Image.Pixels => {
  const data = new Uint8Array(height * width * 3)
  let x = seed
  for (let i = 0; i < data.length; i++) {
    x = Math.imul(x, 1664525) + 1013904223 >>> 0
    data[i] = x >>> 24
  }
  return { height, width, data }
}

const solid = (height: number, width: number, value: number) =>
  Image.rendered("solid", () => ({ height, width, data: new Uint8Array(height * width * 3).fill(value) }))

describe("Preprocess", () => {
  it.effect("gives the pixel values and grids of transformers, resampled images included", () =>
    Effect.gen(function*() {
      let at = 0
      for (const { config, count, grid, height, seed, shape, width } of cases) {
        const name = `${height} × ${width}, seed ${seed}`
        const preprocessor = yield* Preprocess.fromConfig(config)
        const out = yield* preprocessor.process(Image.rendered(name, () => noise(height, width, seed)))
        assert.deepStrictEqual(out.grid, grid, name)
        assert.strictEqual(out.patches.length, shape[0] * shape[1])
        assert.strictEqual(preprocessor.patchLength, shape[1])
        assert.strictEqual(preprocessor.mergedTokens(out.grid), shape[0] / 4)
        for (let i = 0; i < count; i++) {
          assert.isAtMost(Math.abs(out.patches[i * stride]! - values[at + i]!), 1e-6, `${name}, value ${i * stride}`)
        }
        at += count
      }
      assert.strictEqual(at, values.length)
    }))

  it.effect("cuts a white 224² image into 256 patches of 1176 values", () =>
    Effect.gen(function*() {
      const preprocessor = yield* Preprocess.fromConfig({})
      const { grid, patches } = yield* preprocessor.process(solid(224, 224, 255))
      assert.deepStrictEqual(grid, [1, 16, 16])
      assert.strictEqual(patches.length, 256 * 1176)
      assert.closeTo(patches[0]!, (1 - 0.48145466) / 0.26862954, 1e-6)
      assert.closeTo(patches[1175]!, (1 - 0.40821073) / 0.27577711, 1e-6)
    }))

  it.effect("an encoded file gives what its pixels give", () =>
    Effect.gen(function*() {
      const preprocessor = yield* Preprocess.fromConfig({ temporal_patch_size: 1 })
      const pixels = noise(112, 168, 9)
      const raw = { raw: { width: 168, height: 112, channels: 3 as const } }
      const png = yield* Effect.promise(() => sharp(pixels.data, raw).png().toBuffer())
      const decoded = yield* preprocessor.process(Image.encoded("png", png))
      assert.deepStrictEqual(decoded, yield* preprocessor.process(Image.rendered("raw", () => pixels)))
    }))

  it.effect("cuts what it fitted as it cuts the image, also where it would resize that once more", () =>
    Effect.gen(function*() {
      let again = 0
      for (const [min_pixels, max_pixels] of [[12544, 12544], [3136, 1003520]]) {
        const preprocessor = yield* Preprocess.fromConfig({ min_pixels, max_pixels })
        for (const [width, height] of [[168, 112], [112, 168], [150, 150], [140, 84], [640, 480], [30, 90]] as const) {
          const image = Image.rendered("own", () => noise(height, width, 9))
          const whole = yield* preprocessor.process(image)
          const { pixels } = yield* preprocessor.fit(image)
          const found = yield* preprocessor.process(Image.fitted("own", pixels))
          assert.deepStrictEqual(found.grid, whole.grid, `${width} × ${height}`)
          assert.isTrue(found.patches.every((value, i) => value === whole.patches[i]), `${width} × ${height}`)
          const twice = yield* preprocessor.fit(Image.rendered("own", () => pixels))
          again += Number(twice.pixels.width !== pixels.width || twice.pixels.height !== pixels.height)
        }
      }
      assert.isAbove(again, 0)
    }))

  it.effect("reads bounds from each place that configurations keep them", () =>
    Effect.gen(function*() {
      const bounds = (config: unknown) =>
        Effect.map(Preprocess.fromConfig(config), ({ maxPixels, minPixels }) => [minPixels, maxPixels])
      assert.deepStrictEqual(yield* bounds({}), [3136, 1003520])
      assert.deepStrictEqual(yield* bounds({ size: { shortest_edge: 4000, longest_edge: 5000 } }), [4000, 5000])
      assert.deepStrictEqual(yield* bounds({ size: { min_pixels: 4000, max_pixels: 5000 } }), [4000, 5000])
      const both = { min_pixels: 6000, max_pixels: 7000, size: { shortest_edge: 1, longest_edge: 2 } }
      assert.deepStrictEqual(yield* bounds(both), [6000, 7000])
      assert.deepStrictEqual(yield* bounds({ min_pixels: null, size: null, patch_size: null }), [3136, 1003520])
    }))

  it.effect("settings that would change the result and are not supported are errors that name the field", () =>
    Effect.gen(function*() {
      const broken: ReadonlyArray<readonly [object, string]> = [
        [{ resample: 2 }, "resample"],
        [{ patch_size: 0 }, "patch_size"],
        [{ merge_size: 1.5 }, "merge_size"],
        [{ image_mean: [0.5] }, "image_mean"],
        [{ image_std: [0.5, 0, 0.5] }, "image_std"],
        [{ image_std: [0.5, 1e-320, 0.5] }, "image_std is impossible (found [0.5,1e-320,0.5], expected three numbers"],
        [{ image_std: [0.5, -0.5, 0.5] }, "image_std"],
        [{ image_std: [0.5, 1e300, 0.5] }, "image_std"],
        [{ image_mean: [0.5, 1e30, 0.5] }, "image_mean"],
        [{ patch_size: 1e9 }, "patch_size is impossible (found 1000000000, expected a whole number from 1 to 256)"],
        [{ patch_size: -14 }, "patch_size"],
        [{ merge_size: 0 }, "merge_size"],
        [{ temporal_patch_size: 0 }, "temporal_patch_size"],
        [{ rescale_factor: 0 }, "rescale_factor"],
        [{ rescale_factor: 1e30 }, "rescale_factor"],
        [{ min_pixels: 0 }, "min_pixels"],
        [{ size: { shortest_edge: 0 } }, "size.shortest_edge"],
        [{ size: { longest_edge: 1e300 } }, "size.longest_edge"],
        [{ min_pixels: 5000, max_pixels: 4000 }, "min_pixels"]
      ]
      for (const [config, field] of broken) {
        const error = yield* Effect.flip(Preprocess.fromConfig(config))
        assert.strictEqual(error._tag, "ImageError")
        assert.include(error.message, field)
        assert.include(error.message, "preprocessor_config.json")
      }
    }))

  it.effect("names the image that does not fit", () =>
    Effect.gen(function*() {
      const preprocessor = yield* Preprocess.fromConfig({})
      const thin = yield* Effect.flip(preprocessor.process(solid(1, 201, 0)))
      assert.include(thin.message, "solid: too elongated (found 201 × 1, expected an aspect ratio of at most 200)")
      const fixed = yield* Preprocess.fromConfig({ do_resize: false })
      const odd = yield* Effect.flip(fixed.process(solid(56, 57, 0)))
      assert.include(odd.message, "solid: does not divide into patches (found 57 × 56, expected multiples of 28)")
      assert.deepStrictEqual((yield* fixed.process(solid(56, 28, 0))).grid, [1, 4, 2])
    }))

  it.effect("is cut as it was, whatever its renderer draws next", () =>
    Effect.gen(function*() {
      const { cut } = yield* Preprocess.fromConfig({})
      const canvas = new Uint8Array(56 * 56 * 3).fill(255)
      const [first, second] = [
        yield* cut(Image.rendered("white", () => ({ width: 56, height: 56, data: canvas }))),
        yield* cut(Image.rendered("black", () => ({ width: 56, height: 56, data: canvas.fill(0) })))
      ]
      assert.closeTo(Patchify.patchesOf(first).patches[0]!, (1 - 0.48145466) / 0.26862954, 1e-6)
      assert.closeTo(Patchify.patchesOf(second).patches[0]!, -0.48145466 / 0.26862954, 1e-6)
      // Resampled, its pixels are new, and the canvas is the renderer's still.
      const small = { width: 50, height: 50, data: canvas.subarray(0, 50 * 50 * 3).fill(255) }
      const third = yield* cut(Image.rendered("small", () => small))
      small.data.fill(0)
      assert.closeTo(Patchify.patchesOf(third).patches[0]!, (1 - 0.48145466) / 0.26862954, 1e-6)
      assert.strictEqual(canvas.length, 56 * 56 * 3)
    }))

  it.effect("gives its pixels back where it is told to, but never a renderer's, and writes nothing afterwards", () =>
    Effect.gen(function*() {
      const { cut } = yield* Preprocess.fromConfig({})
      for (const [width, height] of [[56, 84], [50, 90]] as const) {
        const drawn = noise(height, width, 5)
        const raw = { raw: { width, height, channels: 3 as const } }
        const png = yield* Effect.promise(() => sharp(drawn.data, raw).png().toBuffer())
        const before = Uint8Array.from(png)
        const image = Image.encoded("png", png)
        const [renders, { none }] = [Image.rendered("drawn", () => drawn), Variation]
        const images = [
          renders,
          image,
          Image.varied("varied", image, none),
          Image.varied("drawn and varied", renders, none),
          Image.varied("varied twice", Image.varied("drawn and varied", renders, none), none)
        ]
        const expected = Patchify.patchesOf(yield* cut(Image.rendered("again", () => noise(height, width, 5))))
        for (const image of images) {
          const made = yield* cut(image)
          assert.deepStrictEqual(Patchify.patchesOf(made), expected)
          // As often as is wished, until then.
          assert.deepStrictEqual(Patchify.patchesOf(made), expected)
          made.release()
          assert.throws(() => Patchify.patchesOf(made), "after their pixels were given back")
        }
        assert.deepStrictEqual(drawn, noise(height, width, 5))
        assert.deepStrictEqual(Uint8Array.from(png), before)
      }
    }))

  it("prepares a 112 × 112 rendered image in well under a millisecond", () => {
    const preprocessor = Effect.runSync(
      Preprocess.fromConfig({ temporal_patch_size: 1, min_pixels: 12544, max_pixels: 12544 })
    )
    const pixels = noise(112, 112, 1)
    const image = Image.rendered("scene", () => pixels)
    const rounds = 300
    const spent = stopwatch()
    // Synchronous: anything that went through sharp would throw here.
    for (let i = 0; i < rounds; i++) Effect.runSync(preprocessor.process(image))
    assert.isBelow(spent() / rounds, 1)
  })
})

describe("Patchify", () => {
  it("is the same in WebAssembly and in plain loops, in shared memory too", () => {
    const table = Patchify.table(1 / 255, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    for (
      const [patchSize, temporalPatchSize, mergeSize] of [[14, 2, 2], [16, 2, 2], [7, 1, 1], [1, 3, 2], [5, 16, 3]]
    ) {
      const options = { patchSize: patchSize!, temporalPatchSize: temporalPatchSize!, mergeSize: mergeSize!, table }
      const factor = options.patchSize * options.mergeSize
      const pixels = noise(3 * factor, 5 * factor, patchSize!)
      const { bytes, length, write } = Result.getOrThrow(Patchify.cut(pixels, options))
      assert.deepStrictEqual([bytes, length], [pixels.data.length, pixels.data.length * options.temporalPatchSize])
      const [bands, loops] = [new Float32Array(length), new Float32Array(length)]
      assert.isTrue(patchBands(pixels, options, bands))
      patchLoops(pixels, options, loops)
      assert.deepStrictEqual(bands, loops)
      const shared = new Float32Array(new SharedArrayBuffer(4 * length + 8), 4, length)
      write(shared)
      assert.deepStrictEqual(Float32Array.from(shared), loops)
    }
  })

  it("leaves bands that would take more memory than is kept to plain loops", () => {
    const table = Float32Array.from({ length: 768 }, (_, i) => i)
    const options = { patchSize: 28, temporalPatchSize: 16, mergeSize: 1, table }
    const pixels = noise(28, 28 * 200, 3)
    assert.isFalse(patchBands(pixels, options, new Float32Array(0)))
    const { patches } = Patchify.patchesOf(Result.getOrThrow(Patchify.cut(pixels, options)))
    assert.strictEqual(patches[28 * 28 - 1], pixels.data[(27 * 28 * 200 + 27) * 3])
  })

  it("orders patches by merge block, then values by channel, time, row, column", () => {
    // Red is the row, green the column, blue the constant 7; the table keeps bytes apart by channel.
    const side = 8
    const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3)
      return i % 3 === 0 ? Math.floor(pixel / side) : i % 3 === 1 ? pixel % side : 7
    })
    const table = Float32Array.from({ length: 768 }, (_, i) => (i & 255) + 1000 * (i >> 8))
    const options = { patchSize: 2, temporalPatchSize: 2, mergeSize: 2, table }
    const { grid, patches } = Patchify.patchesOf(
      Result.getOrThrow(Patchify.cut({ width: side, height: side, data }, options))
    )
    assert.deepStrictEqual(grid, [1, 4, 4])
    const expected: Array<number> = []
    for (const [blockY, blockX] of [[0, 0], [0, 2], [2, 0], [2, 2]] as const) {
      for (const [dy, dx] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) {
        const [y, x] = [(blockY + dy) * 2, (blockX + dx) * 2]
        expected.push(y, y, y + 1, y + 1, y, y, y + 1, y + 1)
        expected.push(...[x, x + 1, x, x + 1, x, x + 1, x, x + 1].map((value) => value + 1000))
        expected.push(...Array.from({ length: 8 }, () => 2007))
      }
    }
    assert.deepStrictEqual([...patches], expected)
  })
})
