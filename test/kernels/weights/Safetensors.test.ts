import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"
import * as fsSync from "node:fs"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import { Safetensors, type WeightsError } from "../../../src/kernels/weights/index.ts"

const fixtures = new URL("../../fixtures/", import.meta.url).pathname

/** As in the fixture script. */
const ramp = (...shape: Array<number>) =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.fround(Math.sin(i * 0.37) * 3))

const directory = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.makeTempDirectoryScoped()
})

/** A file from a header text and a number of data bytes. */
const craft = (header: string, dataBytes: number, announced?: bigint) =>
  Effect.gen(function*() {
    const path = (yield* Path.Path).join(yield* directory, "x.safetensors")
    const json = new TextEncoder().encode(header)
    const bytes = new Uint8Array(8 + json.length + dataBytes)
    new DataView(bytes.buffer).setBigUint64(0, announced ?? BigInt(json.length), true)
    bytes.set(json, 8)
    yield* (yield* FileSystem.FileSystem).writeFile(path, bytes)
    return path
  })

const tensor = (offsets: string, shape = "[2]", dtype = "\"F32\"") =>
  `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`

/** header, data bytes, and what the error must say */
const lies: ReadonlyArray<readonly [name: string, header: string, data: number, says: ReadonlyArray<string>]> = [
  ["not JSON", "{\"w\":", 0, ["not a JSON object"]],
  ["a JSON array", "[1,2,3]", 0, ["not a JSON object", "[1,2,3]"]],
  ["leading space", " {}", 0, ["not a JSON object"]],
  ["unknown dtype", `{"w":${tensor("[0,8]", "[2]", "\"F31\"")}}`, 8, ["\"w\"", "unknown dtype", "F31", "BF16"]],
  ["dtype from the prototype", `{"w":${tensor("[0,8]", "[2]", "\"constructor\"")}}`, 8, ["unknown dtype"]],
  ["entry not an object", "{\"w\":7}", 0, ["\"w\"", "not an object", "7"]],
  ["negative shape", `{"w":${tensor("[0,8]", "[-2]")}}`, 8, ["bad shape", "[-2]"]],
  ["fractional shape", `{"w":${tensor("[0,8]", "[2.5]")}}`, 8, ["bad shape", "2.5"]],
  ["shape too large for a number", `{"w":${tensor("[0,8]", "[9007199254740991,9007199254740991]")}}`, 8, [
    "does not fit the shape"
  ]],
  ["negative offset", `{"w":${tensor("[-4,4]")}}`, 8, ["bad data_offsets", "[-4,4]"]],
  ["fractional offset", `{"w":${tensor("[0.5,8.5]")}}`, 9, ["bad data_offsets"]],
  ["one offset", `{"w":${tensor("[0]")}}`, 8, ["bad data_offsets"]],
  ["offsets as text", `{"w":${tensor("[\"0\",\"8\"]")}}`, 8, ["bad data_offsets"]],
  ["end before begin", `{"w":${tensor("[8,0]")}}`, 8, ["does not fit the shape"]],
  ["size and shape differ", `{"w":${tensor("[0,12]")}}`, 12, ["12 bytes", "8 bytes for F32 [2]"]],
  ["overlap", `{"a":${tensor("[0,8]")},"b":${tensor("[4,12]")}}`, 12, ["\"b\"", "overlaps", "4", "8"]],
  ["same range twice", `{"a":${tensor("[0,8]")},"b":${tensor("[0,8]")}}`, 8, ["overlaps"]],
  ["hole", `{"a":${tensor("[0,8]")},"b":${tensor("[12,20]")}}`, 20, ["\"b\"", "hole", "12", "8"]],
  ["hole at the start", `{"a":${tensor("[4,12]")}}`, 12, ["hole"]],
  ["data beyond the file", `{"a":${tensor("[0,8]")}}`, 5, ["\"a\"", "beyond the file", "truncated"]],
  ["bytes left over", `{"a":${tensor("[0,8]")}}`, 9, ["belong to nothing"]],
  ["name twice", `{"a":${tensor("[0,8]")},"a":${tensor("[0,8]")}}`, 8, ["\"a\"", "twice"]],
  ["name twice, escaped", `{"a":${tensor("[0,8]")},"\\u0061":${tensor("[0,8]")}}`, 8, ["\"a\"", "twice"]],
  ["field twice", `{"a":{"dtype":"F32","dtype":"F16","shape":[4],"data_offsets":[0,8]}}`, 8, ["\"dtype\"", "twice"]],
  ["metadata not strings", "{\"__metadata__\":{\"k\":1}}", 0, ["__metadata__", "\"k\"", "string"]]
]

layer(NodeServices.layer)("Safetensors", (it) => {
  it.effect("reads what the reference implementation wrote, and writes the same bytes", () =>
    Effect.gen(function*() {
      const path = `${fixtures}weights.safetensors`
      const header = yield* Safetensors.readHeader(path)
      assert.deepStrictEqual(header.metadata, { format: "pt" })
      const shapes = { "model.embed.weight": [5, 3], a: [2, 2, 2], scalar: [], lm_head: [1, 7], empty: [0, 4] }
      const tensors: Array<Safetensors.NamedTensor> = []
      for (const [name, shape] of Object.entries(shapes)) {
        assert.deepStrictEqual(header.tensors.get(name)?.shape, shape)
        const data = yield* Safetensors.readFloat32(header, name)
        assert.deepStrictEqual(data, ramp(...shape))
        tensors.push({ name, shape, data })
      }
      const copy = (yield* Path.Path).join(yield* directory, "copy.safetensors")
      yield* Safetensors.write(copy, tensors)
      assert.deepStrictEqual(fsSync.readFileSync(copy), fsSync.readFileSync(path))
    }))

  it.effect("reads every floating-point type and refuses the others", () =>
    Effect.gen(function*() {
      const header = yield* Safetensors.readHeader(`${fixtures}weights-mixed.safetensors`)
      const near = (actual: Float32Array, expected: Float32Array, relative: number) => {
        assert.strictEqual(actual.length, expected.length)
        for (let i = 0; i < actual.length; i++) {
          assert.isAtMost(Math.abs(actual[i]! - expected[i]!), relative * Math.abs(expected[i]!) + 1e-12)
        }
      }
      near(yield* Safetensors.readFloat32(header, "f32"), ramp(4), 0)
      near(yield* Safetensors.readFloat32(header, "f16"), ramp(9), 2 ** -11)
      near(yield* Safetensors.readFloat32(header, "bf16"), ramp(7), 2 ** -8)
      near(yield* Safetensors.readFloat32(header, "f64"), ramp(6).map((x) => x / 3), 1e-7)
      const wrongType = yield* Effect.flip(Safetensors.readFloat32(header, "i64"))
      assert.include(wrongType.message, "found I64")
      const missing = yield* Effect.flip(Safetensors.readFloat32(header, "nope"))
      assert.include(missing.message, "no such tensor")
      const wrongSize = yield* Effect.flip(Safetensors.readFloat32(header, "f32", new Float32Array(3)))
      assert.include(wrongSize.message, "expected 3")
    }))

  for (const [name, header, data, says] of lies) {
    it.effect(`refuses: ${name}`, () =>
      Effect.gen(function*() {
        const path = yield* craft(header, data)
        const error: WeightsError = yield* Effect.flip(Safetensors.readHeader(path))
        assert.strictEqual(error._tag, "WeightsError")
        for (const part of [path, ...says]) assert.include(error.message, part)
      }))
  }

  it.effect("refuses header lengths that lie", () =>
    Effect.gen(function*() {
      const huge = yield* Effect.flip(Safetensors.readHeader(yield* craft("{}", 0, 100_000_001n)))
      assert.include(huge.message, "at most 100000000")
      const absurd = yield* Effect.flip(Safetensors.readHeader(yield* craft("{}", 0, 2n ** 64n - 1n)))
      assert.include(absurd.message, "18446744073709551615")
      const beyond = yield* Effect.flip(Safetensors.readHeader(yield* craft("{}", 0, 3n)))
      assert.include(beyond.message, "longer than the file")
      const fs = yield* FileSystem.FileSystem
      const dir = yield* directory
      yield* fs.writeFile(`${dir}/short`, new Uint8Array(7))
      assert.include((yield* Effect.flip(Safetensors.readHeader(`${dir}/short`))).message, "found 7 bytes")
      yield* fs.writeFile(`${dir}/latin`, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d))
      assert.include((yield* Effect.flip(Safetensors.readHeader(`${dir}/latin`))).message, "UTF-8")
      assert.include((yield* Effect.flip(Safetensors.readHeader(`${dir}/none`))).message, "no such file")
      assert.include((yield* Effect.flip(Safetensors.readHeader(dir))).message, "not a file")
    }))

  /** One-byte-aligned data of a tensor `w`, six values in two rows, of which the fifth is `bits`. */
  const poisoned = (dtype: "F16" | "BF16" | "F32" | "F64", bits: bigint) =>
    Effect.gen(function*() {
      const width = { F16: 2, BF16: 2, F32: 4, F64: 8 }[dtype]
      const path = yield* craft(`{"w":${tensor(`[0,${6 * width}]`, "[2,3]", `"${dtype}"`)}}`.padEnd(80), 6 * width)
      const bytes = fsSync.readFileSync(path)
      for (let i = 0; i < width; i++) bytes[88 + 4 * width + i] = Number(bits >> BigInt(8 * i) & 0xffn)
      fsSync.writeFileSync(path, bytes)
      return path
    })

  for (
    const [dtype, bits, found] of [
      ["F32", 0x7fc00000n, "NaN"],
      ["F32", 0xffc12345n, "NaN"],
      ["F32", 0x7f800000n, "Infinity"],
      ["F32", 0xff800000n, "-Infinity"],
      ["F16", 0x7e00n, "NaN"],
      ["F16", 0xfc00n, "-Infinity"],
      ["BF16", 0x7f81n, "NaN"],
      ["BF16", 0x7f80n, "Infinity"],
      ["F64", 0x7ff8000000000000n, "NaN"],
      ["F64", 0x7e37e43c8800759cn, "1e+300"]
    ] as const
  ) {
    it.effect(`refuses a value that is no number: ${dtype} ${bits.toString(16)}`, () =>
      Effect.gen(function*() {
        const path = yield* poisoned(dtype, bits)
        const header = yield* Safetensors.readHeader(path)
        const fault = found === "1e+300" ? "beyond float32" : "that is not finite"
        const ways = [Safetensors.readFloat32, Safetensors.probe]
          .map((read): Effect.Effect<unknown, WeightsError, FileSystem.FileSystem> => read(header, "w"))
        for (const read of [...ways, Safetensors.readParts(header, "w", () => Effect.void)]) {
          const error = yield* Effect.flip(read)
          assert.strictEqual(error._tag, "WeightsError")
          assert.include(error.message, `${path}: tensor "w": holds a value ${fault} (found ${found} at [1, 1])`)
        }
      }))
  }

  it.effect("reads the largest values of every type", () =>
    Effect.gen(function*() {
      for (
        const [dtype, bits, value] of [
          ["F32", 0x7f7fffffn, 2 ** 127 * (2 - 2 ** -23)],
          ["BF16", 0x7f7fn, 2 ** 127 * (2 - 2 ** -7)],
          ["F16", 0xfbffn, -65504]
        ] as const
      ) {
        const header = yield* Safetensors.readHeader(yield* poisoned(dtype, bits))
        assert.strictEqual((yield* Safetensors.readFloat32(header, "w"))[4], value)
      }
    }))

  it.effect("probes beginning, middle and end of a large tensor without reading the rest", () =>
    Effect.gen(function*() {
      const count = 2 ** 34
      const path = yield* craft(`{"w":${tensor(`[0,${4 * count}]`, `[${count / 1024},1024]`)}}`.padEnd(128), 0)
      // 64 GiB of zeros, of which nothing is on disk.
      fsSync.truncateSync(path, 136 + 4 * count)
      const header = yield* Safetensors.readHeader(path)
      yield* Safetensors.probe(header, "w")
      const handle = fsSync.openSync(path, "r+")
      const places = [[count - 1, "[16777215, 1023]"], [count / 2, "[8388608, 0]"], [3, "[0, 3]"]] as const
      for (const [element, place] of places) {
        fsSync.writeSync(handle, Float32Array.of(NaN), 0, 4, 136 + 4 * element)
        assert.include((yield* Effect.flip(Safetensors.probe(header, "w"))).message, `found NaN at ${place}`)
      }
      fsSync.closeSync(handle)
    }))

  it.effect("reads only the header of a large file", () =>
    Effect.gen(function*() {
      const bytes = 2 ** 40
      const path = yield* craft(`{"w":${tensor(`[0,${bytes}]`, `[${bytes / 4}]`)}}`, 0)
      // Sparse: a terabyte by size, nothing on disk.
      fsSync.truncateSync(path, fsSync.statSync(path).size + bytes)
      const header = yield* Safetensors.readHeader(path)
      assert.strictEqual(header.tensors.get("w")?.shape[0], bytes / 4)
    }))

  it.effect("refuses to write what could not be read back, and leaves the old file and no temporary one", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dir = yield* directory
      const path = `${dir}/w.safetensors`
      const a = { name: "a", shape: [2], data: Float32Array.of(1, 2) }
      yield* Safetensors.write(path, [a])
      const before = yield* fs.readFile(path)
      const failing: ReadonlyArray<readonly [ReadonlyArray<Safetensors.NamedTensor>, string]> = [
        [[a, a], "two tensors have this name"],
        [[{ ...a, shape: [3] }], "found 2 values, expected [3]"],
        [[{ ...a, name: "__metadata__" }], "reserved"],
        [[{ ...a, data: Float32Array.of(1, NaN) }], `tensor "a": holds a value that is not finite (found NaN at [1]`],
        [[{ ...a, data: () => Float32Array.of(-Infinity, 1) }], "found -Infinity at [0]"],
        [[{ ...a, data: Effect.succeed(Float32Array.of(1, NaN)) }], "found NaN at [1]"]
      ]
      for (const [tensors, says] of failing) {
        assert.include((yield* Effect.flip(Safetensors.write(path, tensors))).message, says)
      }
      assert.deepStrictEqual(yield* fs.readFile(path), before)
      assert.include(
        (yield* Effect.flip(Safetensors.write(`${dir}/no/such/w`, [a]))).message,
        "no such file or directory"
      )
      yield* Safetensors.write(path, [{ ...a, data: Float32Array.of(3, 4) }])
      assert.deepStrictEqual(
        yield* Safetensors.readFloat32(yield* Safetensors.readHeader(path), "a"),
        Float32Array.of(3, 4)
      )
      assert.deepStrictEqual(yield* fs.readDirectory(dir), ["w.safetensors"])
    }))

  it.effect("refuses to narrow a number to infinity, and writes the largest that there are", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const path = `${dir}/w.safetensors`
      const stored = (dtype: "F16" | "BF16" | "F32", value: number) =>
        Safetensors.write(path, [{ name: "w", shape: [2, 2], data: Float32Array.of(0, 1, value, 2) }], { dtype })
      for (
        const [dtype, most, beyond] of [
          ["F16", 65504, 65520],
          ["F16", -65519, -1e6],
          ["BF16", 3.3895313892515355e38, 3.4e38],
          ["F32", 3.4028234663852886e38, NaN]
        ] as const
      ) {
        yield* stored(dtype, most)
        const back = yield* Safetensors.readFloat32(yield* Safetensors.readHeader(path), "w")
        assert.isAtMost(Math.abs(back[2]! / most - 1), 1e-3)
        const error = yield* Effect.flip(stored(dtype, beyond))
        assert.include(error.message, Number.isFinite(beyond) ? `holds a value beyond ${dtype}` : "not finite")
        assert.include(error.message, `found ${Math.fround(beyond)} at [1, 0]`)
        assert.deepStrictEqual(yield* Safetensors.readFloat32(yield* Safetensors.readHeader(path), "w"), back)
        assert.deepStrictEqual(fsSync.readdirSync(dir), ["w.safetensors"])
      }
    }))

  it.effect("reads into and writes from shared memory", () =>
    Effect.gen(function*() {
      const path = `${yield* directory}/w.safetensors`
      const store = new Float32Array(new SharedArrayBuffer(24))
      store.set([0, 0, 1, 2, 3, 0])
      yield* Safetensors.write(path, [{ name: "w", shape: [3], data: store.subarray(2, 5) }])
      const target = new Float32Array(new SharedArrayBuffer(24))
      yield* Safetensors.readFloat32(yield* Safetensors.readHeader(path), "w", target.subarray(3))
      assert.deepStrictEqual([...target], [0, 0, 0, 1, 2, 3])
    }))

  const Name = Schema.String.pipe(Schema.check(Schema.makeFilter((name: string) => name !== "__metadata__")))
  const Size = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 0, maximum: 5 })))
  const Shape = Schema.Array(Size).pipe(Schema.check(Schema.isMaxLength(3)))
  const File = Schema.Struct({
    tensors: Schema.Array(Schema.Tuple([Name, Shape])).pipe(Schema.check(Schema.isMaxLength(6))),
    metadata: Schema.Record(Schema.String, Schema.String),
    dtype: Schema.Literals(["F32", "F16", "BF16"]),
    seed: Schema.Int
  })

  it.effect.prop(
    "what is written is read back: names, shapes, metadata and bits",
    [File],
    ([file]) =>
      Effect.gen(function*() {
        const stream = Keyed.stream(file.seed, "tensors")
        const wellFormed = file.tensors.map(([name, shape]) => [name.toWellFormed(), shape] as const)
        const tensors = [...new Map(wellFormed)].map(([name, shape]) => {
          const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
          const bits = new Uint32Array(data.buffer)
          // Any finite pattern in float32; values that both 16-bit formats hold exactly otherwise.
          for (let i = 0; i < data.length; i++) {
            if (file.dtype === "F32") {
              do bits[i] = stream.int(2 ** 32)
              while (!Number.isFinite(data[i]))
            } else data[i] = (stream.int(256) - 128) * 2 ** (stream.int(13) - 8)
          }
          return { name, shape, data }
        })
        const path = `${yield* directory}/w.safetensors`
        const metadata = Object.fromEntries(
          Object.entries(file.metadata).map((pair) => pair.map((t) => t.toWellFormed()))
        )
        yield* Safetensors.write(path, tensors, { dtype: file.dtype, metadata })
        const header = yield* Safetensors.readHeader(path)
        assert.strictEqual(header.tensors.size, tensors.length)
        assert.deepStrictEqual(
          Object.entries(header.metadata).sort(),
          Object.entries({ format: "pt", ...metadata }).sort()
        )
        for (const { data, name, shape } of tensors) {
          const info = header.tensors.get(name)
          assert.deepStrictEqual(info?.shape, shape)
          assert.strictEqual(info?.dtype, file.dtype)
          const back = yield* Safetensors.readFloat32(header, name)
          assert.deepStrictEqual(new Uint32Array(back.buffer), new Uint32Array(data.buffer))
        }
        const first = Math.min(...[...header.tensors.values()].map(({ begin }) => begin))
        assert.isTrue(tensors.length === 0 || first % 8 === 0, "data is aligned")
      }),
    { arbitrary: { runs: 300 } }
  )
})
