/** Copies of weights for sessions to map: written once, told apart by what they were made of. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Quantize, Safetensors, WeightCache } from "../../../src/kernels/weights/index.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "weights-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true }))
)
const tensors = (seed: number) =>
  [["b.weight", [6, 40]], ["a.bias", [6]]].map(([name, shape]) => {
    const random = Keyed.stream(seed, String(name))
    const sizes = shape as ReadonlyArray<number>
    return {
      name: String(name),
      shape: sizes,
      data: Float32Array.from({ length: sizes.reduce((a, b) => a * b) }, () => random.normal())
    }
  })
const write = (file: string, seed = 1, dtype: "BF16" | "F32" = "BF16") =>
  Safetensors.write(file, tensors(seed), { dtype })
const wantedOf = Effect.fnUntraced(function*(file: string, quantization?: Quantize.Format) {
  const header = yield* Safetensors.readHeader(file)
  return [...header.tensors].map(([name, info]): WeightCache.Wanted => ({
    name: `model.${name}`,
    stored: name,
    location: { header, info },
    quantization: info.shape.length === 2 ? quantization : undefined
  }))
})
const bytesAt = (places: WeightCache.Places, name: string) => {
  const { file, length, offset } = places.tensors.get(name)!
  return Uint8Array.from(fs.readFileSync(path.join(places.folder, file)).subarray(offset, offset + length))
}
const floats = (bytes: Uint8Array) => new Float32Array(bytes.buffer)
const here = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | import("effect").Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("the cache of weights", () => {
  it.effect("holds 16-bit tensors as float32, is written once, and again when it is damaged", () =>
    here(Effect.gen(function*() {
      const folder = yield* temporary
      const file = path.join(folder, "model.safetensors")
      yield* write(file)
      const cache = path.join(folder, "cache")
      const wanted = yield* wantedOf(file)
      const first = yield* WeightCache.open(wanted, { folder: cache })
      for (const { location, name, stored } of wanted) {
        assert.deepStrictEqual(floats(bytesAt(first, name)), yield* Safetensors.readFloat32(location.header, stored))
      }
      const [name] = fs.readdirSync(cache)
      const written = fs.statSync(path.join(cache, name!))
      assert.deepStrictEqual(yield* WeightCache.open(wanted, { folder: cache }), first)
      assert.strictEqual(fs.statSync(path.join(cache, name!)).ino, written.ino)
      fs.truncateSync(path.join(cache, name!), written.size - 4)
      assert.deepStrictEqual(yield* WeightCache.open(wanted, { folder: cache }), first)
      assert.strictEqual(fs.statSync(path.join(cache, name!)).size, written.size)
      // A value that is no number was never written.
      const place = first.tensors.get("model.a.bias")!
      const handle = fs.openSync(path.join(cache, name!), "r+")
      fs.writeSync(handle, new Uint8Array(Float32Array.of(NaN).buffer), 0, 4, place.offset + 8)
      fs.closeSync(handle)
      assert.deepStrictEqual(yield* WeightCache.open(wanted, { folder: cache }), first)
      assert.isTrue(floats(bytesAt(first, "model.a.bias")).every(Number.isFinite))
      assert.deepStrictEqual(fs.readdirSync(cache), [name!])
    })))

  it.effect("tells checkpoints apart by their values, and forms of one checkpoint by their format", () =>
    here(Effect.gen(function*() {
      const folder = yield* temporary
      const file = path.join(folder, "model.safetensors")
      const cache = path.join(folder, "cache")
      const names = new Set<string>()
      const add = (quantization?: Quantize.Format) =>
        Effect.gen(function*() {
          const places = yield* WeightCache.open(yield* wantedOf(file, quantization), { folder: cache })
          names.add([...places.tensors.values()][0]!.file)
        })
      for (const seed of [1, 2]) {
        // The same header, size and time: only the values differ.
        yield* write(file, seed)
        fs.utimesSync(file, 1e9, 1e9)
        yield* add()
        yield* add({ bits: 4, block: 32 })
        yield* add({ bits: 8, block: 32 })
        yield* add()
      }
      assert.strictEqual(names.size, 6)
      assert.strictEqual(fs.readdirSync(cache).length, 6)
    })))

  it.effect("holds quantised tensors as they are rounded", () =>
    here(Effect.gen(function*() {
      const folder = yield* temporary
      const file = path.join(folder, "model.safetensors")
      yield* write(file)
      const format = { bits: 4, block: 32 } as const
      const wanted = yield* wantedOf(file, format)
      const places = yield* WeightCache.open(wanted, { folder: path.join(folder, "cache") })
      const values = yield* Safetensors.readFloat32(
        wanted.find(({ stored }) => stored === "b.weight")!.location.header,
        "b.weight"
      )
      const [integers, scales] = [new Uint8Array(6 * 32), new Float32Array(6 * 2)]
      Quantize.quantize(values, 40, format, integers, scales)
      assert.deepStrictEqual(bytesAt(places, WeightCache.integersOf("model.b.weight")), integers)
      assert.deepStrictEqual(floats(bytesAt(places, WeightCache.scalesOf("model.b.weight"))), scales)
      assert.isFalse(places.tensors.has("model.b.weight"))

      // Values that no writer of this project lets through, in what is rounded and in what is copied.
      const bytes = fs.readFileSync(file)
      bytes.fill(0xff, bytes.length - 4)
      fs.writeFileSync(file, bytes)
      // A file system's clock may not have moved since the first writing.
      fs.utimesSync(file, 1, 1)
      for (const quantization of [format, undefined]) {
        const wanted = yield* wantedOf(file, quantization)
        const error = yield* Effect.flip(WeightCache.open(wanted, { folder: path.join(folder, "cache") }))
        assert.match(error.message, /tensor "[ab]\..*": holds a value that is not finite \(found NaN at \[/)
      }
      assert.strictEqual(fs.readdirSync(path.join(folder, "cache")).length, 1)
    })))

  it.effect("is refused before it is begun where the disk has no room for it", () =>
    here(Effect.gen(function*() {
      const folder = yield* temporary
      const file = path.join(folder, "model.safetensors")
      const { bavail, bsize } = fs.statfsSync(folder)
      // A file with a hole in it: twice the size would not fit, this one takes nothing.
      const rows = Math.ceil(bavail * bsize / 4 * 1.2 / 1024)
      const header = JSON.stringify({
        "b.weight": { dtype: "BF16", shape: [rows, 1024], data_offsets: [0, rows * 2048] }
      }).padEnd(128)
      fs.writeFileSync(
        file,
        Buffer.concat([Buffer.from(BigUint64Array.of(BigInt(header.length)).buffer), Buffer.from(header)])
      )
      fs.truncateSync(file, 8 + header.length + rows * 2048)
      const error = yield* Effect.flip(WeightCache.open(yield* wantedOf(file), { folder: path.join(folder, "cache") }))
      assert.strictEqual(error._tag, "CacheSpaceError")
      assert.match(error.message, /has [\d.]+ GiB free, .* need [\d.]+ GiB; .*RISE_CACHE/)
      assert.deepStrictEqual(fs.readdirSync(path.join(folder, "cache")), [])
    })))

  it.effect("is not needed by float32 files in one folder, which may be links into another", () =>
    here(Effect.gen(function*() {
      const folder = yield* temporary
      fs.mkdirSync(path.join(folder, "blobs"))
      yield* write(path.join(folder, "blobs", "abc"), 1, "F32")
      const link = path.join(folder, "model.safetensors")
      fs.symlinkSync(path.join("blobs", "abc"), link)
      const wanted = yield* wantedOf(link)
      const places = yield* WeightCache.asTheyAre(wanted)
      if (places._tag === "None") return assert.fail("float32 needs no copy")
      assert.strictEqual(places.value.folder, path.join(folder, "blobs"))
      assert.deepStrictEqual(floats(bytesAt(places.value, "model.b.weight")), tensors(1)[0]!.data)
      yield* write(path.join(folder, "half.safetensors"))
      assert.strictEqual(
        (yield* WeightCache.asTheyAre(yield* wantedOf(path.join(folder, "half.safetensors"))))._tag,
        "None"
      )
    })))

  it.effect("lies where RISE_CACHE says", () =>
    here(Effect.gen(function*() {
      const set = ConfigProvider.layer(ConfigProvider.fromUnknown({ RISE_CACHE: "/somewhere" }))
      assert.strictEqual(yield* Effect.provide(WeightCache.defaultFolder, set), "/somewhere")
      const unset = ConfigProvider.layer(
        ConfigProvider.fromUnknown({ RISE_CACHE: "", XDG_CACHE_HOME: "/caches", LOCALAPPDATA: "/caches" })
      )
      const folder = yield* Effect.provide(WeightCache.defaultFolder, unset)
      assert.match(folder, /[/\\](?:caches|Caches)[/\\]rise-vlm$/)
    })))
})
