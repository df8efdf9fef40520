/**
 * Float32 or quantised copies of checkpoints that are stored in 16 bits, for sessions to map: one file a checkpoint and
 * precision, written once, read by every session as it lies.
 *
 * A file is named after what it was made of: headers, sizes and times of the weights files, and a few bytes of every
 * tensor, for two checkpoints of one shape may share all the rest. It is written to a temporary sibling and renamed
 * when complete, and nothing of it is ever changed. The folder can be deleted at any time: what is missing is written
 * again.
 */
import { Clock, Config, Effect, FileSystem, Option, Path, type PlatformError, Schema } from "effect"
import { createHash } from "node:crypto"
import { statfs } from "node:fs/promises"
import { homedir } from "node:os"
import { makeFolder } from "../runtime/makeFolder.ts"
import * as Quantize from "./Quantize.ts"
import * as Safetensors from "./Safetensors.ts"
import { elements, format, type Layout } from "./SafetensorsHeader.ts"
import type { Location } from "./Shards.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

/** The copy does not fit the disk. Nothing was written. */
export class CacheSpaceError extends Schema.TaggedError<CacheSpaceError>()("CacheSpaceError", {
  folder: Schema.String,
  /** Bytes. */
  needed: Schema.Number,
  free: Schema.Number
}) {
  override get message() {
    return `${this.folder} has ${gibibytes(this.free)} free, the weights in the form that sessions map need ${
      gibibytes(this.needed)
    }; ` +
      "free some space, or name a folder on another disk by RISE_CACHE or the option cache"
  }
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

/** A tensor of the checkpoint as the cache is to hold it. */
export interface Wanted {
  /** The model's name for it. */
  readonly name: string
  /** Its name in its file. */
  readonly stored: string
  readonly location: Location
  /** Left out: float32. */
  readonly quantization?: Quantize.Format | undefined
}

/** Where a tensor of a mapped file lies. */
export interface Place {
  /** Name of the file in its folder. */
  readonly file: string
  readonly offset: number
  readonly length: number
}

/** Places in one folder, without links in its path: onnxruntime follows none out of it. */
export interface Places {
  readonly folder: string
  /** Float32 tensors by name, and `integersOf` and `scalesOf` the quantised ones. */
  readonly tensors: ReadonlyMap<string, Place>
}

export const integersOf = (name: string): string => `${name}:integers`
export const scalesOf = (name: string): string => `${name}:scales`

/** Changes whenever the bytes of a file made of the same checkpoint would. */
const VERSION = 1
/** Bytes of each tensor that its file is told apart by. */
const SAMPLE = 256
/** A temporary file that nobody has written to for so long was left by a process that was killed. */
const STALE_MILLIS = 3_600_000

/** `RISE_CACHE`, or rise-vlm in the folder where this system keeps what can be made again. */
export const defaultFolder = Effect.gen(function*() {
  const { join } = yield* Path.Path
  const variable = (name: string) =>
    Effect.map(Config.option(Config.String(name)), Option.filter((value) => value !== ""))
  const own = yield* variable("RISE_CACHE")
  if (Option.isSome(own)) return own.value
  const home = homedir()
  if (process.platform === "darwin") return join(home, "Library", "Caches", "rise-vlm")
  const [name, otherwise] = process.platform === "win32"
    ? ["LOCALAPPDATA", join(home, "AppData", "Local")] as const
    : ["XDG_CACHE_HOME", join(home, ".cache")] as const
  return join(Option.getOrElse(yield* variable(name), () => otherwise), "rise-vlm")
})

/** The files' places without a cache: where everything is float32 already and lies in one folder. */
export const asTheyAre = Effect.fnUntraced(function*(wanted: ReadonlyArray<Wanted>) {
  if (wanted.some(({ location, quantization }) => quantization !== undefined || location.info.dtype !== "F32")) {
    return Option.none<Places>()
  }
  const fs = yield* FileSystem.FileSystem
  const { basename, dirname } = yield* Path.Path
  const real = new Map<string, string>()
  for (const { path } of new Set(wanted.map(({ location }) => location.header))) {
    real.set(path, yield* fs.realPath(path).pipe(Effect.mapError(fromPlatform(path, "resolving"))))
  }
  const folders = new Set([...real.values()].map(dirname))
  const [folder] = folders
  if (folder === undefined || folders.size > 1) return Option.none<Places>()
  const tensors = new Map(
    wanted.map((
      { location: { header, info }, name }
    ): readonly [string, Place] => [name, {
      file: basename(real.get(header.path) ?? header.path),
      offset: info.begin,
      length: info.end - info.begin
    }])
  )
  return Option.some<Places>({ folder, tensors })
})

/** What the file is made of, as a name. */
const fingerprint = Effect.fnUntraced(function*(wanted: ReadonlyArray<Wanted>) {
  const fs = yield* FileSystem.FileSystem
  const hash = createHash("sha256").update(
    JSON.stringify([VERSION, wanted.map(({ name, quantization, stored }) => [name, stored, quantization])])
  )
  for (const header of new Set(wanted.map(({ location }) => location.header))) {
    const { path, tensors } = header
    yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(path, { flag: "r" })
      const { mtime, size } = yield* handle.stat
      hash.update(
        JSON.stringify([String(size), Option.getOrNull(Option.map(mtime, (at) => at.getTime())), [...tensors]])
      )
      const sample = new Uint8Array(SAMPLE)
      for (const { begin, end } of tensors.values()) {
        const part = sample.subarray(0, Math.min(SAMPLE, end - begin))
        const middle = begin + Math.floor((end - begin - part.length) / 2)
        const read = yield* handle.read(part, { position: BigInt(middle) })
        hash.update(part.subarray(0, Number(read)))
      }
    })).pipe(Effect.mapError(fromPlatform(path, "reading")))
  }
  return hash.digest("hex").slice(0, 32)
})

const layoutOf = (wanted: ReadonlyArray<Wanted>): ReadonlyArray<Layout> =>
  wanted.flatMap(({ location: { info: { shape } }, name, quantization }): ReadonlyArray<Layout> => {
    if (quantization === undefined) return [{ name, dtype: "F32", shape }]
    const [out = 0, inner = 0] = shape
    const blocks = Quantize.blocksOf(inner, quantization)
    return [
      { name: integersOf(name), dtype: "U8", shape: [out, blocks, Quantize.bytesOf(inner, quantization) / blocks] },
      { name: scalesOf(name), dtype: "F32", shape: [out, blocks] }
    ]
  })

/** The data of one tensor, in the order of its layout; whole rows at a time. */
const writeTensor = (handle: FileSystem.File, { location: { header, info }, quantization, stored }: Wanted) => {
  const bytes = (array: Uint8Array | Float32Array) =>
    handle.writeAll(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
  if (quantization === undefined) return Safetensors.readParts(header, stored, bytes)
  const [out = 0, inner = 0] = info.shape
  const scales = new Float32Array(out * Quantize.blocksOf(inner, quantization))
  let done = 0
  return Safetensors.readParts(header, stored, (part): Effect.Effect<void, PlatformError.PlatformError> => {
    const rows = part.length / inner
    const integers = new Uint8Array(rows * Quantize.bytesOf(inner, quantization))
    const own = scales.subarray(done, done += rows * Quantize.blocksOf(inner, quantization))
    Quantize.quantize(part, inner, quantization, integers, own)
    return bytes(integers)
  }).pipe(Effect.andThen(bytes(scales)))
}

const removeStale = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const now = yield* Clock.currentTimeMillis
  for (const name of yield* fs.readDirectory(folder)) {
    if (!name.endsWith(".tmp")) continue
    const path = join(folder, name)
    const { mtime } = yield* fs.stat(path)
    if (Option.exists(mtime, (at) => now - at.getTime() > STALE_MILLIS)) yield* fs.remove(path, { force: true })
  }
}, (effect) => Effect.ignore(effect))

const build = Effect.fnUntraced(function*(path: string, folder: string, wanted: ReadonlyArray<Wanted>) {
  const fs = yield* FileSystem.FileSystem
  const failed = fromPlatform(path, "writing")
  const layout = layoutOf(wanted)
  const header = format(layout, { format: "pt" })
  const needed = layout.reduce((n, { dtype, shape }) => n + elements(shape) * (dtype === "F32" ? 4 : 1), header.length)
  yield* removeStale(folder)
  const free = yield* Effect.tryPromise({
    try: async () => {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    },
    catch: (cause) => new WeightsError({ path: folder, reason: "its free space cannot be read", cause })
  })
  if (free < needed) return yield* new CacheSpaceError({ folder, needed, free })
  yield* Effect.logInfo(
    `writing ${gibibytes(needed)} to ${path}, once for this checkpoint: the weights in the form that sessions map`
  )
  const temporary = `${path}.${crypto.randomUUID()}.tmp`
  // Registered before the file is opened, so that it is removed after the file is closed; gone already on success.
  yield* Effect.addFinalizer(() => fs.remove(temporary, { force: true }).pipe(Effect.ignore))
  yield* Effect.scoped(Effect.gen(function*() {
    const handle = yield* fs.open(temporary, { flag: "wx" })
    yield* handle.writeAll(header)
    for (const tensor of wanted) yield* writeTensor(handle, tensor)
    yield* handle.sync
  })).pipe(Effect.mapError((error) => error instanceof WeightsError ? error : failed(error)))
  yield* fs.rename(temporary, path).pipe(Effect.mapError(failed))
}, Effect.scoped)

/** Places in the cache's file of these tensors, which is written first if it is not there. */
export const open = Effect.fn("WeightCache.open")(
  function*(wanted: ReadonlyArray<Wanted>, options: { readonly folder?: string | undefined } = {}) {
    const fs = yield* FileSystem.FileSystem
    const { basename, join } = yield* Path.Path
    const asked = options.folder ??
      (yield* Effect.mapError(
        defaultFolder,
        (cause) => new WeightsError({ path: "RISE_CACHE", reason: "cannot be read", cause })
      ))
    yield* makeFolder(asked).pipe(
      Effect.mapError(fromPlatform(asked, "making the cache folder"))
    )
    const folder = yield* fs.realPath(asked).pipe(Effect.mapError(fromPlatform(asked, "resolving")))
    const path = join(folder, `${yield* fingerprint(wanted)}.safetensors`)
    // What is damaged is written anew. Of scales and weights only some are looked at: they are many.
    const there = yield* Effect.option(Effect.tap(Safetensors.readHeader(path), (header) =>
      Effect.forEach(
        [...header.tensors].filter(([, { dtype }]) => dtype === "F32"),
        ([name]) => Safetensors.probe(header, name),
        { discard: true }
      )))
    if (Option.isNone(there)) {
      yield* build(path, folder, wanted)
    }
    const { tensors } = yield* Option.match(there, {
      onNone: () => Safetensors.readHeader(path),
      onSome: Effect.succeed
    })
    const places: Places = {
      folder,
      tensors: new Map(
        [...tensors].map((
          [name, { begin, end }]
        ) => [name, { file: basename(path), offset: begin, length: end - begin }])
      )
    }
    return places
  }
)
