/**
 * Exported graphs, run by the programs of `examples/export/` in another onnxruntime: they say what the policy says.
 */
import { assert, describe, it } from "@effect/vitest"
import { Tokenizer } from "@huggingface/tokenizers"
import { Effect, FileSystem, Stream } from "effect"
import { readFileSync } from "node:fs"
import * as Onnxruntime from "onnxruntime-node"
import sharp from "sharp"
import { Scenes } from "../../../src/data/index.ts"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Decode } from "../../../src/kernels/image/index.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import * as Policy from "../../../src/policy/layers.ts"
import * as Adapter from "../../../src/policy/onnx/Adapter.ts"
import * as OnnxExport from "../../../src/policy/onnx/Export.ts"
import * as Model from "../../../src/policy/onnx/Model.ts"
import { live } from "../../data/folders.ts"

interface Pixels {
  readonly width: number
  readonly height: number
  /** RGBA */
  readonly data: Uint8Array
}

/** What `examples/export/annotate.mjs` gives. */
interface Program {
  readonly about: {
    readonly picture: { readonly slots: number; readonly maxPixels: number; readonly window: number }
    readonly files: ReadonlyArray<string>
  }
  readonly annotate: (pixels: Pixels) => Promise<string>
  readonly fitted: (width: number, height: number) => readonly [number, number]
}

const examples = new URL("../../../examples/export/", import.meta.url)

/** What `square.html` does. */
const script = () => {
  const page = readFileSync(new URL("square.html", examples), "utf8")
  return (/<script type="module">\n(.*)<\/script>/s.exec(page)?.[1] ?? "").replace(/^import .*\n/gm, "")
}

/** `square.html`, with files of a folder in place of the network's and pixels in place of a canvas. */
const page = (folder: string): Effect.Effect<(pixels: Pixels) => Promise<string>> =>
  Effect.promise(async () => {
    let shown: Pixels | undefined
    const elements: Record<string, { textContent?: string; onchange?: (event: object) => Promise<void> }> = {
      file: {},
      said: {}
    }
    const fetch = (name: string) => {
      const data = readFileSync(`${folder}/${name.replace(/^model\//, "")}`)
      return Promise.resolve({
        json: () => JSON.parse(data.toString()),
        arrayBuffer: () => data.buffer.slice(data.byteOffset, data.byteOffset + data.length)
      })
    }
    class Canvas {
      getContext = () => ({
        drawImage: () => {},
        getImageData: (_x: number, _y: number, width: number, height: number) => {
          assert.deepStrictEqual([width, height], [shown?.width, shown?.height])
          return { data: new Uint8ClampedArray(shown?.data ?? []) }
        }
      })
    }
    const given = {
      ort: Onnxruntime,
      Tokenizer,
      fetch,
      document: { getElementById: (id: string) => elements[id] },
      OffscreenCanvas: Canvas,
      createImageBitmap: () => Promise.resolve({})
    }
    const run: (...given: ReadonlyArray<unknown>) => Promise<void> = new AsyncFunction(...Object.keys(given), script())
    await run(...Object.values(given))
    return async (pixels) => {
      shown = pixels
      await elements["file"]?.onchange?.({ target: { files: [undefined] } })
      return elements["said"]?.textContent ?? "nothing was said"
    }
  })
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor

const open = (folder: string): Effect.Effect<Program> =>
  Effect.promise(async () => {
    const example: { readonly open: (...given: ReadonlyArray<unknown>) => Promise<Program> } = await import(
      new URL("annotate.mjs", examples).href
    )
    return example.open(
      Onnxruntime,
      Tokenizer,
      async (name: string) => new Uint8Array(readFileSync(`${folder}/${name}`))
    )
  })

const rgba = ({ data, height, width }: Image.Pixels): Effect.Effect<Pixels> =>
  Effect.promise(async () => ({
    width,
    height,
    data: await sharp(data, { raw: { width, height, channels: 3 } }).ensureAlpha().raw().toBuffer()
  }))

/** Blots of colour: what neighbouring pixels of a photograph have in common. */
const blots = (width: number, height: number, seed = 3): Image.Image =>
  Image.rendered(`${width} × ${height}, ${seed}`, () => {
    const uniforms = Keyed.uniforms(seed, `${width} ${height}`, new Float32Array(3 * 64))
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
      return 256 * (uniforms[(Math.floor(8 * x / width) + 8 * Math.floor(8 * y / height)) * 3 + i % 3] ?? 0)
    })
    return { width, height, data }
  })

/** What the policy says, greedily and without a mask. */
const ours = (
  model: string,
  images: ReadonlyArray<Image.Image>,
  text: string,
  maxTokens: number,
  adapter?: string
) =>
  Effect.scoped(Effect.gen(function*() {
    const { session } = yield* Policy.Policy
    const { sample } = yield* session
    const requests = images.map((image) => ({ key: image.id, prompt: { images: [image], text } }))
    const groups = yield* sample(requests, { count: 1, maxTokens, temperature: 0 })
    return groups.map(([completion]) => completion?.text)
  })).pipe(
    Effect.provide(
      Policy.onnx({ model, workers: 1, ...(adapter === undefined ? { trainable: "none" } : { lora: { adapter } }) })
    )
  )

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const embedded = new URL("../../../assets/scene-vl-places", import.meta.url).pathname
const parity = (name: string) => new URL(`../../fixtures/parity/${name}`, import.meta.url).pathname

describe("exported graphs", () => {
  it.live("say of scenes what the policy says, from weights of 16 bits", () =>
    live(Effect.gen(function*() {
      const target = `${yield* temporary}/out`
      const prompt = "rate the mood"
      yield* OnnxExport.write({ model: embedded, target, prompt, maxTokens: 64 })
      const samples = yield* Stream.runCollect(Scenes.dataset({ split: "test", limit: 6 }))
      const images = samples.map(({ image }) => image)
      const { annotate } = yield* open(target)
      const said = yield* Effect.forEach(images, (image) =>
        Effect.gen(function*() {
          const pixels = yield* rgba(yield* Decode.load(image))
          return yield* Effect.promise(() => annotate(pixels))
        }))
      assert.deepStrictEqual(said, yield* ours(embedded, images, prompt, 64))
      assert.isAbove(new Set(said).size, 4)
      for (const text of said) assert.match(text, /^The \w+ /)
      const asked = yield* page(target)
      const short = yield* Effect.forEach(images, (image) =>
        Effect.flatMap(Effect.flatMap(Decode.load(image), rgba), (pixels) =>
          Effect.promise(() => asked(pixels))))
      assert.deepStrictEqual(short, said)
      // The folder is a model directory, too.
      assert.deepStrictEqual(said, yield* ours(target, images, prompt, 64))
    })), 300_000)

  for (const [name, window, side] of [["qwen2-vl", 1, 28], ["qwen2.5-vl", 2, 28], ["qwen3-vl", 1, 32]] as const) {
    it.live(
      `of ${name}: pictures of several shapes in one graph, windows that edges cut`,
      () =>
        live(Effect.gen(function*() {
          const target = `${yield* temporary}/out`
          const model = parity(name)
          const options = { model, target, prompt: "a happy face", maxTokens: 12, maxPixels: (4 * side) ** 2 }
          const { files } = yield* OnnxExport.write(options)
          const { about, annotate, fitted } = yield* open(target)
          assert.deepStrictEqual([about.picture.maxPixels, about.picture.window], [(4 * side) ** 2, window])
          assert.deepStrictEqual(about.files, files)
          const images = [[3, 5], [2, 2], [4, 3], [1, 4], [4, 4]].map(([w = 0, h = 0]) => blots(w * side, h * side))
          const said = yield* Effect.forEach(images, (image) =>
            Effect.gen(function*() {
              const pixels = yield* rgba(yield* Decode.load(image))
              assert.deepStrictEqual(fitted(pixels.width, pixels.height), [pixels.width, pixels.height])
              return yield* Effect.promise(() => annotate(pixels))
            }))
          // Random weights: any text, and another for another picture.
          assert.deepStrictEqual(said, yield* ours(target, images, "a happy face", 12))
          assert.isAbove(new Set(said).size, 2)
          // As the model's own processor scales them: too large, too small, neither.
          assert.deepStrictEqual(fitted(640, 480), [4 * side, 3 * side])
          assert.deepStrictEqual(fitted(20, 10), [3 * side, 2 * side])
          assert.deepStrictEqual(fitted(75, 61), [Math.round(75 / side) * side, Math.round(61 / side) * side])
          const wide = 8 * side
          const large = yield* rgba(yield* Decode.load(blots(wide, wide)))
          const refused = yield* Effect.promise(() => annotate(large).then(() => "", String))
          assert.include(refused, `${wide} × ${wide} pixels exceeds what these graphs have room for`)
        })),
      300_000
    )
  }

  for (
    const [name, prompt, side] of [["qwen2-vl", "a happy face", 112], ["qwen2.5-vl", "a happy face", 84], [
      "qwen3-vl",
      "a happy face",
      96
    ]] as const
  ) {
    it.live(
      `of ${name}: thirty lines of a page ask about square pictures, whose feeds lie ready`,
      () =>
        live(Effect.gen(function*() {
          const target = `${yield* temporary}/out`
          yield* OnnxExport.write({ model: parity(name), target, prompt, maxTokens: 12, maxPixels: side * side + 27 })
          const images = [1, 2, 3].map((seed) => blots(side, side, seed))
          const asked = yield* page(target)
          const said = yield* Effect.forEach(images, (image) =>
            Effect.gen(function*() {
              const pixels = yield* rgba(yield* Decode.load(image))
              return yield* Effect.promise(() => asked(pixels))
            }))
          assert.deepStrictEqual(said, yield* ours(target, images, prompt, 12))
          assert.isAbove(new Set(said).size, 1)
        })),
      120_000
    )
  }

  it("are asked by programs of thirty lines", () => {
    const code = (text: string) =>
      text.split("\n").filter((line) => /\S/.test(line) && !/^\s*(#|\/\/)/.test(line)).length
    const python = readFileSync(new URL("square.py", examples), "utf8").replace(/^""".*?^"""/ms, "")
    for (const text of [python, script()]) assert.isAtMost(code(text), 30)
  })

  it.live("hold an adapter merged into the weights", () =>
    live(Effect.gen(function*() {
      const at = yield* temporary
      const { adapter, config } = yield* Model.load(embedded, { seed: 1, lora: { rank: 2 } })
      if (adapter === undefined) return assert.fail("no adapter was made")
      // A fresh one adds nothing.
      const data = adapter.store.data
      Keyed.uniforms(5, "adapter", data).forEach((uniform, i) => data[i] = 0.4 * (uniform - 0.5))
      yield* Adapter.save(config, adapter, embedded, `${at}/adapter`)
      const prompt = "rate the mood"
      yield* OnnxExport.write({ model: embedded, adapter: `${at}/adapter`, target: `${at}/out`, prompt, maxTokens: 24 })
      const [sample] = yield* Stream.runCollect(Scenes.dataset({ split: "test", limit: 1 }))
      if (sample === undefined) return assert.fail("no scene")
      const { annotate } = yield* open(`${at}/out`)
      const pixels = yield* rgba(yield* Decode.load(sample.image))
      const said = yield* Effect.promise(() => annotate(pixels))
      const asked = [[sample.image], prompt, 24] as const
      assert.deepStrictEqual([said], yield* ours(embedded, ...asked, `${at}/adapter`))
      assert.notDeepEqual([said], yield* ours(embedded, ...asked))
    })), 300_000)
})

describe("folders of exports", () => {
  const options = { model: embedded, prompt: "rate", maxTokens: 4 }
  const refused = (target: string, more = {}) => Effect.flip(OnnxExport.write({ ...options, target, ...more }))

  it.effect("are new, empty, or an earlier export, which is replaced whole", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const at = yield* temporary
      yield* fs.makeDirectory(`${at}/empty`)
      yield* OnnxExport.write({ ...options, target: `${at}/empty` })
      yield* fs.writeFileString(`${at}/empty/step.onnx`, "damaged")
      const { files } = yield* OnnxExport.write({ ...options, target: `${at}/empty` })
      assert.deepStrictEqual((yield* fs.readDirectory(`${at}/empty`)).toSorted(), files)
      assert.isAbove(Number((yield* fs.stat(`${at}/empty/step.onnx`)).size), 10_000)

      yield* fs.writeFileString(`${at}/empty/mine.txt`, "kept")
      assert.match((yield* refused(`${at}/empty`)).message, /empty: is an earlier export that also holds mine\.txt/)
      assert.strictEqual(yield* fs.readFileString(`${at}/empty/mine.txt`), "kept")
      yield* fs.makeDirectory(`${at}/other`)
      yield* fs.writeFileString(`${at}/other/photo.png`, "")
      assert.match((yield* refused(`${at}/other`)).message, /other: is not empty and no earlier export, .* photo\.png/)
      yield* fs.writeFileString(`${at}/other/rise-export.json`, "{")
      assert.match((yield* refused(`${at}/other`)).message, /no earlier export/)
      assert.match((yield* refused(`${at}/other/photo.png`)).message, /is no folder/)
      // Nothing half-written stays.
      assert.deepStrictEqual((yield* fs.readDirectory(at)).toSorted(), ["empty", "other"])
    })))

  it.effect("hold nothing where a model has no room for what is asked", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const target = `${yield* temporary}/out`
      assert.match((yield* refused(target, { maxPixels: 100 })).message, /have 100 pixels, expected 12544 to 12544/)
      assert.match((yield* refused(target, { maxTokens: 1000 })).message, /exceed the model's 1024 positions/)
      const [message, images] = [(yield* refused(target, { prompt: "<|image_pad|>" })).message, 2]
      assert.match(message, new RegExp(`${images} image placeholders for 1 images`))
      assert.match((yield* refused(target, { model: `${target}/none` })).message, /none/)
      assert.isFalse(yield* fs.exists(target))
    })))
})
