/** Folders of small pictures, and what a reader makes of them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Logger, References, type Scope, Stream } from "effect"
import sharp from "sharp"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import type { Sample } from "../../src/dsl/Task.ts"

export const png = (width: number, height: number) =>
  Effect.promise(() => sharp({ create: { width, height, channels: 3, background: "red" } }).png().toBuffer())

/** A PNG header that announces 60,000 × 60,000 pixels, in 100 bytes. */
export const bomb = Effect.map(png(8, 8), (bytes) => {
  const crc = (part: Uint8Array) => {
    let value = 0xffffffff
    for (const byte of part) {
      value ^= byte
      for (let k = 0; k < 8; k++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1
    }
    return (value ^ 0xffffffff) >>> 0
  }
  const header = Buffer.from(bytes)
  header.writeUInt32BE(60_000, 16)
  header.writeUInt32BE(60_000, 20)
  header.writeUInt32BE(crc(header.subarray(12, 29)), 29)
  return header
})

/** Writes files into a temporary folder: text, bytes, or a picture of this size. */
export const folder = Effect.fnUntraced(
  function*(files: Readonly<Record<string, string | Uint8Array | readonly [width: number, height: number]>>) {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.realPath(yield* fs.makeTempDirectoryScoped())
    for (const [name, content] of Object.entries(files)) {
      const path = `${directory}/${name}`
      yield* fs.makeDirectory(path.slice(0, path.lastIndexOf("/")), { recursive: true })
      yield* typeof content === "string"
        ? fs.writeFileString(path, content)
        : fs.writeFile(path, content instanceof Uint8Array ? content : yield* png(content[0]!, content[1]!))
    }
    return directory
  }
)

/** All samples of a data set, what it failed with, and its quarantine as [row, reason]. */
export const collect = <T extends Sample<unknown>, E extends { readonly message: string }, R>(
  data: Stream.Stream<T, E, R>
) =>
  Effect.gen(function*() {
    const quarantine = yield* Quarantine.collect
    const samples: Array<T> = []
    const error = yield* Stream.runForEach(data, (sample) => Effect.sync(() => void samples.push(sample))).pipe(
      Effect.provideService(Quarantine.Quarantine, quarantine),
      Effect.as(""),
      Effect.catch((failure) => Effect.succeed(failure.message))
    )
    return {
      samples,
      ids: samples.map(({ image }) => image.id),
      error,
      rows: (yield* quarantine.rows).map(({ reason, row }) => [row, reason]),
      details: (yield* quarantine.rows).map(({ detail }) => detail)
    }
  })

/** What is warned of while something runs. */
export const warned = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const value = yield* Effect.provide(effect, Logger.layer([logger])).pipe(
      Effect.provideService(References.MinimumLogLevel, "Warn")
    )
    return { value, lines }
  })

export const live = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))
