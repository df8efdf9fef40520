/**
 * Reads safetensors files, strictly; `write` makes them.
 *
 * A header is read without touching the data; a tensor is read by its byte range alone. Every machine that Node runs on
 * is little-endian, as the format is. Values that are not finite are neither read nor written.
 */
import { Effect, FileSystem } from "effect"
import * as Finite from "../math/Finite.ts"
import * as GitLfs from "./GitLfs.ts"
import * as Half from "./Half.ts"
import { bytesPerElement, elements, type Header, maxHeaderBytes, parse } from "./SafetensorsHeader.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

export type { Dtype, Header, TensorInfo } from "./SafetensorsHeader.ts"
export { type NamedTensor, write, type WriteOptions } from "./SafetensorsWriter.ts"

/** Elements converted at a time: bounds the memory beside the result. */
const chunkElements = 1 << 22

/** Fills `buffer` from the file at `position`; fails if the file ends before that. */
const readExactly = (path: string, handle: FileSystem.File, buffer: Uint8Array, position: number) =>
  Effect.gen(function*() {
    let done = 0
    while (done < buffer.length) {
      // One system call transfers at most 2 GiB.
      const part = buffer.subarray(done, Math.min(buffer.length, done + (1 << 30)))
      const count = yield* handle.read(part, { position: BigInt(position + done) }).pipe(
        Effect.mapError(fromPlatform(path, "reading"))
      )
      if (count === 0) {
        return yield* new WeightsError({
          path,
          reason: "the file ended early",
          found: `${position + done} bytes`,
          expected: `at least ${position + buffer.length}`,
          hint: "The file is truncated or was changed while being read."
        })
      }
      done += count
    }
  })

const openForReading = (path: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* fs.open(path, { flag: "r" }).pipe(Effect.mapError(fromPlatform(path, "opening")))
  })

/** Reads and checks the header. The data is not read, whatever its size. */
export const readHeader = (path: string): Effect.Effect<Header, WeightsError, FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function*() {
    const handle = yield* openForReading(path)
    const { size, type } = yield* handle.stat.pipe(Effect.mapError(fromPlatform(path, "reading its size")))
    if (type !== "File") {
      return yield* new WeightsError({ path, reason: "not a file", found: type, expected: "a .safetensors file" })
    }
    const fileBytes = Number(size)
    if (fileBytes < 8) {
      return yield* new WeightsError({
        path,
        reason: "too short for a safetensors file",
        found: `${fileBytes} bytes`,
        expected: "at least 8"
      })
    }
    if (fileBytes <= GitLfs.maxBytes) {
      const whole = new Uint8Array(fileBytes)
      yield* readExactly(path, handle, whole, 0)
      const pointer = GitLfs.describe(whole)
      if (pointer !== undefined) return yield* new WeightsError({ path, reason: pointer })
    }
    const prefix = new Uint8Array(8)
    yield* readExactly(path, handle, prefix, 0)
    const announced = new DataView(prefix.buffer).getBigUint64(0, true)
    if (announced > BigInt(maxHeaderBytes)) {
      return yield* new WeightsError({
        path,
        reason: "the header is longer than the format allows",
        found: `${announced} bytes`,
        expected: `at most ${maxHeaderBytes}`,
        hint: "The file is not safetensors, or it is damaged."
      })
    }
    const length = Number(announced)
    if (8 + length > fileBytes) {
      return yield* new WeightsError({
        path,
        reason: "the header is longer than the file",
        found: `${length} bytes announced, ${fileBytes - 8} there`,
        expected: `a file of at least ${8 + length} bytes`,
        hint: "The file is truncated: download or write it again."
      })
    }
    const bytes = new Uint8Array(length)
    yield* readExactly(path, handle, bytes, 8)
    const text = yield* Effect.try({
      try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
      catch: (cause) => new WeightsError({ path, reason: "the header is not UTF-8", cause })
    })
    return yield* Effect.fromResult(parse(path, text, 8 + length, fileBytes))
  }))

/** Widens or narrows `count` elements of `dtype` in `bytes` to float32. */
const convert = (dtype: "F64" | "F16" | "BF16", bytes: Uint8Array, out: Float32Array): void => {
  if (dtype === "F64") out.set(new Float64Array(bytes.buffer, 0, out.length))
  else if (dtype === "F16") Half.fromFloat16(new Uint16Array(bytes.buffer, 0, out.length), out)
  else Half.fromBFloat16(new Uint16Array(bytes.buffer, 0, out.length), out)
}

/** What is known of a tensor that can be read as float32. */
const floating = Effect.fnUntraced(function*({ path, tensors }: Header, name: string) {
  const info = tensors.get(name)
  if (info === undefined) {
    return yield* new WeightsError({ path, tensor: name, reason: "no such tensor", found: `${tensors.size} others` })
  }
  const { dtype } = info
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16" && dtype !== "F64") {
    const expected = "F32, F16, BF16 or F64"
    return yield* new WeightsError({
      path,
      tensor: name,
      reason: "not a floating-point tensor",
      found: dtype,
      expected
    })
  }
  return { info, dtype, count: elements(info.shape) }
})

/** A tensor opened for reading as float32, some values at a time; one that is not finite is an error. */
const reader = Effect.fnUntraced(function*(header: Header, name: string) {
  const { path } = header
  const { count, dtype, info } = yield* floating(header, name)
  const handle = yield* openForReading(path)
  const width = bytesPerElement[dtype]
  let buffer = new Uint8Array(0)
  /** Fills `out` with the values from the one numbered `from` on. */
  const read = Effect.fnUntraced(function*(out: Float32Array, from: number) {
    if (dtype !== "F32" && buffer.length < out.length * width) buffer = new Uint8Array(out.length * width)
    const bytes = dtype === "F32"
      ? new Uint8Array(out.buffer, out.byteOffset, out.byteLength)
      : buffer.subarray(0, out.length * width)
    yield* readExactly(path, handle, bytes, info.begin + from * width)
    if (dtype !== "F32") convert(dtype, bytes, out)
    const odd = Finite.firstBeyond(out)
    if (odd < 0) return
    const value = dtype === "F64" ? new Float64Array(buffer.buffer, 0, out.length)[odd] : out[odd]
    return yield* new WeightsError({
      path,
      tensor: name,
      reason: Number.isFinite(value) ? "holds a value beyond float32" : "holds a value that is not finite",
      found: `${value} at ${Finite.placeOf(info.shape, from + odd)}`,
      hint: "The file is damaged, or was written after a training had diverged: " +
        "download it again, or take an earlier checkpoint."
    })
  })
  return { count, info, read }
})

/**
 * Reads one tensor as float32, row-major. F16 and BF16 widen exactly, F64 rounds to nearest.
 *
 * @param out filled and returned when given, for example a view of a shared parameter store; its length must be the
 * tensor's element count.
 */
export const readFloat32 = (
  header: Header,
  name: string,
  out?: Float32Array
): Effect.Effect<Float32Array, WeightsError, FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function*() {
    const { count, info, read } = yield* reader(header, name)
    const target = out ?? new Float32Array(count)
    if (target.length !== count) {
      return yield* new WeightsError({
        path: header.path,
        tensor: name,
        reason: "does not fit the array it is read into",
        found: `${count} elements ([${info.shape.join(", ")}])`,
        expected: `${target.length}`
      })
    }
    for (let done = 0; done < count; done += chunkElements) {
      yield* read(target.subarray(done, Math.min(count, done + chunkElements)), done)
    }
    return target
  }))

/**
 * Reads one tensor as float32, some whole rows of its first axis at a time, in order. Each part lies in the same array
 * as the one before: take what is needed of it before the effect ends.
 */
export const readParts = <E, R>(
  header: Header,
  name: string,
  use: (part: Float32Array<ArrayBuffer>) => Effect.Effect<void, E, R>
): Effect.Effect<void, WeightsError | E, FileSystem.FileSystem | R> =>
  Effect.scoped(Effect.gen(function*() {
    const { count, info, read } = yield* reader(header, name)
    const row = info.shape.length < 2 ? 1 : count / Math.max(1, info.shape[0] ?? 1)
    const size = Math.min(count, Math.max(1, Math.floor(chunkElements / row)) * row)
    const values = new Float32Array(size)
    for (let done = 0; done < count; done += size) {
      const part = values.subarray(0, Math.min(size, count - done))
      yield* read(part, done)
      yield* use(part)
    }
  }))

/** Values that `probe` looks at in each of its three places. */
const probed = 4096

/** Looks at beginning, middle and end of a tensor that is used without being read whole: the values must be finite. */
export const probe = (
  header: Header,
  name: string
): Effect.Effect<ReadonlyArray<Float32Array>, WeightsError, FileSystem.FileSystem> =>
  Effect.scoped(Effect.gen(function*() {
    const { count, read } = yield* reader(header, name)
    const length = Math.min(count, probed)
    const last = count - length
    return yield* Effect.forEach(new Set([0, Math.floor(last / 2), last]), (from) => {
      const values = new Float32Array(length)
      return Effect.as(read(values, from), values)
    })
  }))
