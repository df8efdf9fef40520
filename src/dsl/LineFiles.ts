/**
 * The line files of a run folder: only ever appended to, and added up as they grow.
 */
import { Effect, FileSystem, Path, type Schema, Scope } from "effect"
import * as Rules from "../kernels/math/Rules.ts"
import * as Digest from "./Digest.ts"
import * as Lines from "./Lines.ts"
import * as Plain from "./Plain.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"

export interface LineFiles {
  /** Appends one JSON value as a line. */
  readonly append: (name: string, row: Schema.Json) => Effect.Effect<void, RunFileError>
  readonly holds: (name: string) => boolean
  /** What all of them hold so far, by name; when it returns, it is on the disk. */
  readonly settled: Effect.Effect<Digest.Digests, RunFileError>
}

/** Fails where a file has rows that nobody wrote: rows of the run would come behind them. */
const refuseRows = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError(fromPlatform(file, "reading"))
  if (!(yield* failed(fs.exists(file)))) return
  const { size, type } = yield* failed(fs.stat(file))
  if (type === "File" && Number(size) === 0) return
  return yield* new RunFileError({
    path: file,
    reason: `${type === "File" ? `has ${size} bytes` : "is no file"}, expected 0 bytes: the run has written no rows ` +
      "there yet, and its ledger (checkpoints/ledger.json) knows of none. Move it out of the run folder, or choose " +
      "another --out"
  })
})

/** Those that runs begin under these names: what others there are shows when the first row of each is written. */
const usual = ["audit", "chains", "cot", "metrics", "predictions", "timings", "warm-up"].map((name) => `${name}.jsonl`)

/**
 * Fails where the ledger knows nothing of a line file that has rows: found out before anything is computed.
 *
 * @param known the files that it knows, and those that were begun
 */
export const refuseUnknown = Effect.fnUntraced(function*(directory: string, known: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const unknown = usual.filter((name) => !known.includes(name))
  yield* Effect.forEach(unknown, (name) => refuseRows(path.join(directory, name)), { discard: true })
})

interface Open {
  readonly file: FileSystem.File
  bytes: number
  /** Whether something was written since it was last on the disk. */
  loose: boolean
}

/**
 * @param known what files of earlier attempts hold; these are as long as it says
 * @param begin called before a new file is made
 */
export const open = (
  directory: string,
  known: ReadonlyMap<string, Digest.Running>,
  begin: (name: string) => Effect.Effect<void, RunFileError>
): Effect.Effect<LineFiles, never, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const scope = yield* Effect.scope
    const files = new Map<string, Open>()
    const sums = new Map(known)
    const at = (name: string) => path.join(directory, name)
    const writing = (name: string) => Effect.mapError(fromPlatform(at(name), "writing"))

    const opened = Effect.fnUntraced(function*(name: string) {
      const found = files.get(name)
      if (found !== undefined) return found
      const before = sums.get(name)
      if (before === undefined) {
        yield* Effect.provideService(refuseRows(at(name)), FileSystem.FileSystem, fs)
        yield* begin(name)
      }
      const file = yield* writing(name)(Scope.provide(fs.open(at(name), { flag: "a" }), scope))
      const made: Open = { file, bytes: before?.bytes ?? 0, loose: false }
      files.set(name, made)
      sums.set(name, before ?? Digest.empty())
      return made
    })

    return {
      append: (name, row) =>
        Effect.gen(function*() {
          const text = JSON.stringify(row)
          // JSON has null in the place of what it has no number for.
          const lost = text.includes("null") ? Plain.numberless(row, "row") : undefined
          if (lost !== undefined) {
            return yield* new RunFileError({ path: at(name), reason: `cannot hold what is added: ${Rules.say(lost)}` })
          }
          const bytes = new TextEncoder().encode(`${text}\n`)
          if (bytes.length > Lines.longest) {
            return yield* new RunFileError({ path: at(name), reason: Lines.tooLongToWrite(bytes.length) })
          }
          const target = yield* opened(name)
          target.loose = true
          yield* writing(name)(target.file.writeAll(bytes))
          target.bytes += bytes.length
          const { hash } = sums.get(name) ?? Digest.empty()
          sums.set(name, { bytes: target.bytes, hash: hash.update(bytes) })
        }).pipe(Effect.uninterruptible),
      holds: (name) => sums.has(name),
      settled: Effect.gen(function*() {
        for (const [name, open] of files) {
          if (!open.loose) continue
          yield* writing(name)(open.file.sync)
          open.loose = false
        }
        return Object.fromEntries(
          [...sums].sort(([a], [b]) => a < b ? -1 : 1).map(([name, sum]) => [name, Digest.of(sum)] as const)
        )
      }).pipe(Effect.uninterruptible)
    }
  })
