/**
 * A run on disk: `run.json`, line files, `checkpoints/` with the ledger, one checkpoint per trained stage, and what
 * unfinished stages keep.
 */
import { Effect, FileSystem, Logger, Option, Path } from "effect"
import { makeFolder } from "../kernels/runtime/makeFolder.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import { Written } from "../kernels/weights/index.ts"
import * as Atomic from "./Atomic.ts"
import * as Digest from "./Digest.ts"
import * as FolderStorage from "./FolderStorage.ts"
import * as Halves from "./Halves.ts"
import { over, past } from "./Inherited.ts"
import * as Ledger from "./Ledger.ts"
import * as LineFiles from "./LineFiles.ts"
import * as Links from "./Links.ts"
import { type Identity, reopen, unbegun } from "./Reopen.ts"
import { fromPlatform, RunFileError, RunFolderExists } from "./RunError.ts"
import * as RunLock from "./RunLock.ts"
import * as StageFolders from "./StageFolders.ts"
import { Checkpoints } from "./Storage.ts"
import * as Verify from "./Verify.ts"

export { difference, type Identity } from "./Reopen.ts"

export interface FolderOptions {
  readonly path: string
  readonly identity: Identity
  /** Recorded in run.json, free to differ when a run is resumed: versions, the machine. */
  readonly about?: Identity
  /** Continue the run that the folder holds; a folder that is not there is started. */
  readonly resume?: boolean
  /**
   * Folders of earlier runs whose finished stages count as finished here, the nearest first (see `Inherited`). What
   * their identities say, this one's must say too.
   */
  readonly from?: ReadonlyArray<string>
}

const say = (text: string): Effect.Effect<void> => Effect.provideService(Effect.logInfo(text), Logger.LogToStderr, true)

/** Takes the folder back to what was verified, and clears away what runs left that were killed. */
const mend = Effect.fnUntraced(function*(directory: string, ledger: Ledger.Ledger, verified: Verify.Verified) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const mending = Effect.mapError(fromPlatform(directory, "mending the run folder"))
  for (const [name, { bytes }] of verified.lines) {
    const file = path.join(directory, name)
    if (Number((yield* mending(fs.stat(file))).size) > bytes) yield* mending(fs.truncate(file, bytes))
  }
  // In the order of the ledger: what follows a stage that is done again is done again, too.
  const again = ledger.stages.slice(verified.stages.length).filter(({ trained }) => trained)
  const orphans = [
    ...again.map(({ stage }) => path.join("checkpoints", stage)),
    ...ledger.begun.filter((name) => !verified.lines.has(name)),
    ...yield* Effect.filter(
      yield* mending(fs.readDirectory(directory)),
      (name) => Halves.isThere(path.join(directory, name))
    )
  ]
  yield* Effect.forEach(
    orphans,
    (name) => mending(fs.remove(path.join(directory, name), { recursive: true, force: true })),
    { discard: true }
  )
  yield* StageFolders.tidy(path.join(directory, "checkpoints"), verified)
})

/** Makes sure that the folder may be taken, and holds it until the scope ends. */
const take = Effect.fnUntraced(function*({ path: directory, resume = false }: FolderOptions) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const opening = Effect.mapError(fromPlatform(directory, "opening the run folder"))
  const there = (name: string) => opening(fs.exists(path.join(directory, name)))
  const exists = yield* opening(fs.exists(directory))
  if (exists && (yield* opening(fs.stat(directory))).type !== "Directory") {
    return yield* new RunFileError({ path: directory, reason: "is a file, expected a folder: choose another folder" })
  }
  const names = exists ? yield* opening(fs.readDirectory(directory)) : []
  // Of a lock, what a process wrote that was killed while it took the folder is enough.
  const ours = names.some((name) => name === "run.json" || name.startsWith(RunLock.lockFile)) ||
    (yield* there(Ledger.fileName))
  if (names.length > 0 && !ours) return yield* new RunFolderExists({ path: directory, resumable: false })
  yield* opening(makeFolder(directory))
  yield* Links.refuseLock(directory)
  // Before anything in it is read: what another run has begun to write must not be cut off.
  yield* RunLock.hold(directory)
  yield* Links.refuseAny(directory)
  const known = yield* there("run.json")
  if (known && !resume) return yield* new RunFolderExists({ path: directory, resumable: true })
  return known
})

/** Creates or reopens a run folder; it is held, and its files are open, until the scope ends. */
export const open = Effect.fn("rise.run.open")(function*(options: FolderOptions) {
  const path = yield* Path.Path
  const directory = options.path
  const known = yield* take(options)
  const found = known ? yield* reopen(directory, options.identity, true) : Option.none<Ledger.Ledger>()
  if (Option.isNone(found)) yield* unbegun(directory, known ? Ledger.fileName : "run.json")
  const earlier = yield* Effect.forEach(options.from ?? [], (directory) => past(directory, options.identity))
  const text = Atomic.json({ identity: options.identity, about: options.about ?? {} })
  const before = Option.getOrElse(found, () => Ledger.begun(Digest.ofText(text)))
  const verified = yield* Verify.verify(directory, before)
  if (!before.finished) yield* LineFiles.refuseUnknown(directory, [...verified.lines.keys(), ...before.begun])

  // Nothing has been touched so far. The ledger goes first: what it does not speak of any more may then be cut off.
  const checkpoints = path.join(directory, "checkpoints")
  yield* makeFolder(checkpoints).pipe(
    Effect.mapError(fromPlatform(checkpoints, "opening the run folder"))
  )
  if (Option.isNone(found)) yield* Atomic.writeText(path.join(directory, "run.json"), text)
  const ledger = { ...before, stages: verified.stages, midStage: verified.midStage }
  const fewer = ledger.stages.length < before.stages.length || ledger.midStage.length < before.midStage.length
  if (Option.isNone(found) || fewer) {
    yield* Atomic.writeText(path.join(directory, Ledger.fileName), Ledger.encode(ledger))
  }
  yield* mend(directory, before, verified)
  const own = yield* FolderStorage.make({
    directory,
    ledger,
    verified,
    checkpointing: yield* Checkpoints
  })
  for (const text of verified.told) {
    yield* warn(text)
    if (!ledger.finished) yield* own.append("metrics.jsonl", { stage: "resume", step: 0, of: 0, warning: text })
  }
  if (own.sealed) yield* say(`${directory}: the run is finished and whole, nothing is left to do`)
  return { ...over(own, earlier), listener: own.listener }
}, Effect.provideService(Written.Written, undefined))
