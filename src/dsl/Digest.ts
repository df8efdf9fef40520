/**
 * What a file holds, in a few bytes: its length and its SHA-256.
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { createHash, type Hash } from "node:crypto"
import type { Written } from "../kernels/weights/index.ts"
import { fromPlatform, type RunFileError } from "./RunError.ts"

/** As the ledger records it. */
export const Digest = Schema.Struct({
  bytes: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
})
export type Digest = typeof Digest.Type

/** Digests by name of file. */
export const Digests = Schema.Record(Schema.String, Digest)
export type Digests = typeof Digests.Type

/** A file as far as it was read: its bytes are still being added up. */
export interface Running {
  readonly bytes: number
  readonly hash: Hash
}

/** Nothing yet. */
export const empty = (): Running => ({ bytes: 0, hash: createHash("sha256") })

/** The digest up to here; more may follow. */
export const of = ({ bytes, hash }: Running): Digest => ({ bytes, sha256: hash.copy().digest("hex") })

export const ofText = (text: string): Digest => {
  const bytes = Buffer.from(text)
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }
}

export const same = (a: Digest, b: Digest): boolean => a.bytes === b.bytes && a.sha256 === b.sha256

/** In words: what was expected, and what is there. */
export const say = ({ bytes, sha256 }: Digest): string => `${bytes} bytes with SHA-256 ${sha256.slice(0, 16)}…`

/** Reads the first `bytes` of a file, or all of it; fewer where it is shorter. */
export const read = (path: string, bytes?: number): Effect.Effect<Running, RunFileError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    if (bytes === 0) return empty()
    const chunks = fs.stream(path, { chunkSize: 1 << 20, ...(bytes === undefined ? {} : { bytesToRead: bytes }) })
    return yield* Stream.runFold(chunks, empty, ({ bytes, hash }, chunk) => {
      hash.update(chunk)
      return { bytes: bytes + chunk.byteLength, hash }
    }).pipe(Effect.mapError(fromPlatform(path, "reading")))
  })

/** Names of the files below a folder, sorted, with "/" between folders; none where there is no folder. */
export const filesBelow = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const failed = fromPlatform(folder, "reading")
  if (!(yield* Effect.mapError(fs.exists(folder), failed))) return []
  const names = yield* Effect.mapError(fs.readDirectory(folder, { recursive: true }), failed)
  const files = yield* Effect.filter(
    names,
    (name) => Effect.map(Effect.mapError(fs.stat(path.join(folder, name)), failed), ({ type }) => type === "File")
  )
  return files.map((name) => name.split(path.sep).join("/")).sort()
})

/** Gathers digests of files as they are written. */
export const gathering = () => {
  const told = new Map<string, Digest>()
  const listener: Written.Listener = (path, digest) => void told.set(path, digest)
  return {
    listener,
    told,
    /**
     * The digests of all files below a folder: as they were told, under their own name or, where the folder was renamed
     * since, under one that ends alike; else read.
     */
    below: Effect.fnUntraced(function*(folder: string) {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const digests: Record<string, Digest> = {}
      for (const name of yield* filesBelow(folder)) {
        const file = path.join(folder, name)
        const { size } = yield* Effect.mapError(fs.stat(file), fromPlatform(file, "reading"))
        const known = told.get(file) ??
          [...told].findLast(([other]) => path.basename(other) === path.basename(file))?.[1]
        digests[name] = known?.bytes === Number(size) ? known : of(yield* read(file))
      }
      return digests
    })
  }
}
