/**
 * A run's storage on disk, once its folder is verified: line files, checkpoints, spools, and the ledger over all.
 */
import { Effect, FileSystem, Option, Path, type Scope } from "effect"
import { Written } from "../kernels/weights/index.ts"
import type { Snapshot } from "../policy/Policy.ts"
import * as Atomic from "./Atomic.ts"
import * as Digest from "./Digest.ts"
import * as Ledger from "./Ledger.ts"
import * as LineFiles from "./LineFiles.ts"
import { readers } from "./Reading.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"
import * as Spool from "./Spool.ts"
import * as StageFolders from "./StageFolders.ts"
import type { Checkpointing, Storage } from "./Storage.ts"
import type { Verified } from "./Verify.ts"

export interface Options {
  readonly directory: string
  /** As it stands in the folder. */
  readonly ledger: Ledger.Ledger
  readonly verified: Verified
  readonly checkpointing: Checkpointing
}

/** Storage, and who has to be told of files that are written beside. */
export interface Folder extends Storage {
  readonly listener: Written.Listener
}

export const make = (
  { checkpointing, directory, ledger, verified }: Options
): Effect.Effect<Folder, never, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const onDisk = <A, E, R>(effect: Effect.Effect<A, E, R | FileSystem.FileSystem | Path.Path>) =>
      effect.pipe(
        Effect.provideService(FileSystem.FileSystem, fs),
        Effect.provideService(Path.Path, path),
        Effect.provideService(Written.Written, undefined)
      )
    const checkpoints = path.join(directory, "checkpoints")
    const { checkpoint, lines } = yield* readers(directory)
    let now = ledger
    const change = (to: Partial<Ledger.Ledger>) =>
      onDisk(Effect.suspend(() => {
        const next = { ...now, ...to }
        return Effect.andThen(
          Atomic.writeText(path.join(directory, Ledger.fileName), Ledger.encode(next)),
          Effect.sync(() => void (now = next))
        )
      }))
    const files = yield* LineFiles.open(
      directory,
      verified.lines,
      (name) => now.begun.includes(name) ? Effect.void : change({ begun: [...now.begun, name] })
    )

    /** What was written beside since, by its name within the folder. */
    let written = ledger.written
    const made = Digest.gathering()
    const within = (file: string) =>
      path.relative(path.resolve(directory), path.resolve(file)).split(path.sep).join("/")
    const listener: Written.Listener = (file, digest) => {
      made.listener(file, digest)
      const name = within(file)
      if (/^(\.\.|checkpoints|run\.json$)|\.tmp\//.test(name)) return
      written = { ...written, [name]: digest }
    }

    /** Of checkpoints whose stages are about to be committed. */
    const kept = new Map<string, Digest.Digests>()
    const spoolFile = (stage: string) => path.join(checkpoints, `${StageFolders.nameOf(stage)}${Spool.extension}`)
    const remove = (file: string) =>
      fs.remove(file, { recursive: true, force: true }).pipe(Effect.mapError(fromPlatform(file, "removing")))
    const midStage = (stage: string) => Option.fromNullishOr(now.midStage.findLast((kept) => kept.stage === stage))
    /** Removes folders of stages on their way that nobody speaks of any more. */
    const forget = (before: ReadonlyArray<Ledger.MidStage>) => {
      const held = new Set(now.midStage.flatMap(({ folders }) => Object.keys(folders)))
      const gone = new Set(before.flatMap(({ folders }) => Object.keys(folders)).filter((name) => !held.has(name)))
      return Effect.forEach(gone, (name) => remove(path.join(checkpoints, name)), { discard: true })
    }

    const storage: Folder = {
      listener,
      directory: Option.some(directory),
      checkpointing,
      finished: (stage) => Option.fromNullishOr(now.stages.find((entry) => entry.stage === stage)),
      holds: files.holds,
      append: files.append,
      rows: (name) => lines(name),
      commit: ({ stage, trained, value }) =>
        Effect.gen(function*() {
          const entry = { stage, value, trained, files: yield* files.settled, checkpoint: kept.get(stage) ?? {} }
          const before = now.midStage
          yield* change({ stages: [...now.stages, entry], midStage: [], written, finished: false })
          yield* forget(before)
          yield* remove(spoolFile(stage))
        }).pipe(Effect.uninterruptible),
      spool: (stage) => onDisk(Spool.open(spoolFile(stage))),
      keep: (stage, policy) =>
        Effect.gen(function*() {
          const gathered = Digest.gathering()
          const folder = checkpoint(stage)
          yield* Effect.provideService(policy.checkpoint(folder), Written.Written, gathered.listener)
          kept.set(stage, yield* onDisk(gathered.below(folder)))
        }),
      bringBack: (stage, policy) => {
        const broken = verified.broken.get(stage)
        if (broken === undefined) return policy.restore(checkpoint(stage))
        const reason =
          `${broken.found}. The weights that ${stage} ended with cannot be had without it: use the model ` +
          "that the run has saved, or begin anew in another --out"
        return Effect.fail(new RunFileError({ path: broken.file, reason }))
      },
      midStage,
      keepMidStage: ({ policy, selected, stage, state, step }) =>
        onDisk(Effect.gen(function*() {
          const folders: Record<string, Digest.Digests> = {}
          if (policy !== undefined) {
            const name = StageFolders.ofStep(stage, step)
            folders[name] = yield* StageFolders.write(checkpoints, name, policy.checkpoint)
          }
          if (policy !== undefined && selected !== undefined) {
            const name = StageFolders.ofSelected(stage, selected.step)
            // Written when it is first kept; it does not change.
            folders[name] = now.midStage.findLast(({ folders }) => name in folders)?.folders[name] ??
              (yield* StageFolders.write(checkpoints, name, (folder) => policy.saveSnapshot(selected.snapshot, folder)))
          }
          const before = now.midStage
          const one = { stage, step, state, selected: selected?.step ?? null, files: yield* files.settled, folders }
          const others = before.filter((kept) => kept.stage === stage && kept.step < step)
          yield* Effect.uninterruptible(Effect.andThen(
            change({ midStage: [...others, one].slice(-checkpointing.keep), finished: false }),
            Effect.suspend(() => forget(before))
          ))
        })),
      bringBackMidStage: (stage, policy) =>
        Effect.gen(function*() {
          const at = midStage(stage)
          if (Option.isNone(at)) {
            return yield* new RunFileError({ path: stage, reason: "the stage was not kept on its way" })
          }
          const { selected, step } = at.value
          yield* policy.restore(path.join(checkpoints, StageFolders.ofStep(stage, step)))
          if (selected === null) return Option.none<Snapshot>()
          return Option.some(
            yield* policy.loadSnapshot(path.join(checkpoints, StageFolders.ofSelected(stage, selected)))
          )
        }),
      damaged: (name) => verified.damaged.some((file) => file === name || file.startsWith(`${name}/`)),
      note: (folder) =>
        Effect.gen(function*() {
          const digests = yield* onDisk(made.below(path.join(directory, folder)))
          const others = Object.entries(written).filter(([name]) => !name.startsWith(`${folder}/`))
          const own = Object.entries(digests).map(([name, digest]) => [`${folder}/${name}`, digest] as const)
          written = Object.fromEntries([...others, ...own])
        }),
      sealed: ledger.finished && verified.whole,
      seal: Effect.gen(function*() {
        for (const name of verified.damaged) {
          const [expected, found] = [ledger.written[name], written[name]]
          const again = found !== undefined && expected !== undefined && Digest.same(found, expected)
          const there = yield* Effect.mapError(fs.exists(path.join(directory, name)), fromPlatform(name, "reading"))
          if (again && there || !ledger.finished) continue
          return yield* new RunFileError({
            path: path.join(directory, name),
            reason: "was damaged, and could not be made again as it was. Begin anew in another --out"
          })
        }
        const sorted = Object.fromEntries(Object.entries(written).sort(([a], [b]) => a < b ? -1 : 1))
        const next = { files: yield* files.settled, written: sorted }
        if (now.finished && JSON.stringify(now.written) === JSON.stringify(sorted)) return
        yield* change({ written: next.written, finished: true })
      })
    }
    return storage
  })
