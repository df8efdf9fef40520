/**
 * Looks whether a run folder holds what its ledger says, before anything in it is cut, removed or appended to.
 *
 * What no stage can make again is an error that names the file, what was expected and what is there. A damaged
 * checkpoint of an unfinished run takes the run back to the stage before it; the same draws make it again.
 */
import { Effect, FileSystem, Path } from "effect"
import * as Digest from "./Digest.ts"
import type { Entry, Ledger, MidStage } from "./Ledger.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"
import * as Spool from "./Spool.ts"

/** What can be gone on with. */
export interface Verified {
  readonly stages: ReadonlyArray<Entry>
  /** Of the stage under way, those that are whole, the newest last. */
  readonly midStage: ReadonlyArray<MidStage>
  /** The line files that belong to the newest of these, read so far. */
  readonly lines: ReadonlyMap<string, Digest.Running>
  /** Stages of a finished run whose checkpoints are damaged, and what is wrong with which file. */
  readonly broken: ReadonlyMap<string, { readonly file: string; readonly found: string }>
  /** Of what was written beside, the files that are damaged or missing. */
  readonly damaged: ReadonlyArray<string>
  /** What was found damaged, and what becomes of it. */
  readonly told: ReadonlyArray<string>
  /** Whether everything is as the ledger says. */
  readonly whole: boolean
}

/** Why a file is not what it should be; undefined where it is. */
export const fault = Effect.fnUntraced(function*(file: string, expected: Digest.Digest) {
  const fs = yield* FileSystem.FileSystem
  const failed = fromPlatform(file, "reading")
  if (!(yield* Effect.mapError(fs.exists(file), failed))) return `is missing, expected ${Digest.say(expected)}`
  const { size, type } = yield* Effect.mapError(fs.stat(file), failed)
  if (type !== "File") return `is no file, expected ${Digest.say(expected)}`
  const length = Number(size)
  if (length !== expected.bytes) return `has ${length} bytes, expected ${Digest.say(expected)}`
  const found = Digest.of(yield* Digest.read(file))
  return Digest.same(found, expected)
    ? undefined
    : `is damaged: its SHA-256 is ${found.sha256.slice(0, 16)}…, expected ${expected.sha256.slice(0, 16)}…`
})

/** The faults of the files of a folder, each with the file's path. */
const faultsOf = Effect.fnUntraced(function*(folder: string, expected: Digest.Digests) {
  const path = yield* Path.Path
  return (yield* Effect.forEach(Object.entries(expected), ([name, digest]) => {
    const file = path.join(folder, name)
    return Effect.map(
      fault(file, digest),
      (found) => found === undefined ? [] : [{ name, file, found, text: `${file} ${found}` }]
    )
  })).flat()
})

/** Reads the line files as far as they belong to the run. What is not as it should be there is lost. */
export const lineFiles = Effect.fnUntraced(function*(directory: string, files: Digest.Digests) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const entries = yield* Effect.forEach(Object.entries(files), ([name, expected]) =>
    Effect.gen(function*() {
      const file = path.join(directory, name)
      const lost = (found: string) =>
        new RunFileError({
          path: file,
          reason: `${found}, expected ${Digest.say(expected)} up to the last finished stage; its lines cannot be ` +
            "computed again. Bring it back from a copy, or begin anew in another --out"
        })
      if (!(yield* Effect.mapError(fs.exists(file), fromPlatform(file, "reading")))) return yield* lost("is missing")
      const { type } = yield* Effect.mapError(fs.stat(file), fromPlatform(file, "reading"))
      if (type !== "File") return yield* lost("is no file")
      const running = yield* Digest.read(file, expected.bytes)
      if (running.bytes < expected.bytes) return yield* lost(`has ${running.bytes} bytes`)
      const found = Digest.of(running)
      if (!Digest.same(found, expected)) return yield* lost(`is damaged: it has ${Digest.say(found)}`)
      return [name, running] as const
    }))
  return new Map(entries)
})

/** Whether any line file is longer than the ledger says: of a finished run nobody writes on. */
const longer = (directory: string, files: Digest.Digests) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.forEach(Object.entries(files), ([name, { bytes }]) =>
      Effect.map(
        Effect.mapError(fs.stat(`${directory}/${name}`), fromPlatform(name, "reading")),
        ({ size }) =>
          Number(size) > bytes
            ? [`${directory}/${name} has ${Number(size) - bytes} bytes behind its last line: they are cut off`]
            : []
      )).pipe(Effect.map((found) => found.flat())))

/** Line files at a place that the newest ones have grown from. */
const before = (lines: ReadonlyMap<string, Digest.Running>, directory: string, files: Digest.Digests) =>
  [...lines].every(([name, { bytes }]) => files[name]?.bytes === bytes)
    ? Effect.succeed(lines)
    : lineFiles(directory, files)

/** Verifies the folder of a run against its ledger, but for the ledger itself and run.json. */
export const verify = Effect.fn("rise.run.verify")(function*(directory: string, ledger: Ledger) {
  const path = yield* Path.Path
  const checkpoints = path.join(directory, "checkpoints")
  const newest = ledger.midStage.at(-1) ?? ledger.stages.at(-1)
  const all = yield* lineFiles(directory, newest?.files ?? {})
  const told: Array<string> = []
  const broken = new Map<string, { readonly file: string; readonly found: string }>()

  let stages = ledger.stages
  for (const [i, { checkpoint, stage, trained }] of ledger.stages.entries()) {
    if (!trained) continue
    const faults = yield* faultsOf(path.join(checkpoints, stage), checkpoint)
    const [first] = faults
    if (first === undefined) continue
    const texts = faults.map(({ text }) => text).join("; ")
    if (ledger.finished) {
      told.push(`${texts}. The run is finished, and it is left as it is`)
      broken.set(stage, first)
      continue
    }
    told.push(
      `${texts}. The run goes back to the end of ${ledger.stages[i - 1]?.stage ?? "nothing"}: ${stage}, and ` +
        "what follows it, is done again"
    )
    stages = ledger.stages.slice(0, i)
    break
  }

  const midStage: Array<MidStage> = []
  for (const kept of stages.length === ledger.stages.length ? ledger.midStage : []) {
    const faults = (yield* Effect.forEach(
      Object.entries(kept.folders),
      ([folder, digests]) => faultsOf(path.join(checkpoints, folder), digests)
    )).flat()
    if (faults.length === 0) midStage.push(kept)
    else {
      told.push(`${faults.map(({ text }) => text).join("; ")}. ${kept.stage} goes on from the checkpoint before it`)
    }
  }

  const names = yield* Digest.filesBelow(checkpoints)
  yield* Effect.forEach(
    names.filter((name) => name.endsWith(Spool.extension)),
    (name) => Spool.read(path.join(checkpoints, name)),
    { discard: true }
  )

  const beside = yield* faultsOf(directory, ledger.written)
  told.push(...beside.map(({ text }) => `${text}. It is written again`))
  const target = midStage.at(-1) ?? stages.at(-1)
  if (ledger.finished) told.push(...yield* longer(directory, target?.files ?? {}))
  const verified: Verified = {
    stages,
    midStage,
    lines: yield* before(all, directory, target?.files ?? {}),
    broken,
    damaged: beside.map(({ name }) => name),
    told,
    whole: told.length === 0
  }
  return verified
})
