/**
 * Folders of stages within `checkpoints`: `NAME.step-N` is an unfinished stage on its way, `NAME.selected-N` the best
 * weights that it had by then. A folder that is there by its name is there whole.
 */
import { Effect, FileSystem, Path } from "effect"
import { Written } from "../kernels/weights/index.ts"
import type { PolicyError } from "../policy/Policy.ts"
import * as Atomic from "./Atomic.ts"
import * as Digest from "./Digest.ts"
import * as Halves from "./Halves.ts"
import type { Ledger } from "./Ledger.ts"
import { fromPlatform, type RunFileError } from "./RunError.ts"
import * as Spool from "./Spool.ts"

/** A stage's name as a file's: it may hold "/". */
export const nameOf = (stage: string): string => encodeURIComponent(stage)

export const ofStep = (stage: string, step: number): string => `${nameOf(stage)}.step-${step}`
export const ofSelected = (stage: string, step: number): string => `${nameOf(stage)}.selected-${step}`

/**
 * Writes a folder beside its place, syncs and renames it.
 *
 * @returns the digests of its files, counted while they were written
 */
export const write = <R>(
  checkpoints: string,
  name: string,
  fill: (folder: string) => Effect.Effect<void, PolicyError, R>
): Effect.Effect<Digest.Digests, RunFileError | PolicyError, R | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const target = path.join(checkpoints, name)
    const temporary = `${target}.tmp`
    const writing = Effect.mapError(fromPlatform(target, "writing"))
    const remove = (folder: string) => fs.remove(folder, { recursive: true, force: true })
    const gathered = Digest.gathering()
    yield* writing(remove(temporary))
    return yield* Effect.gen(function*() {
      yield* Effect.provideService(fill(temporary), Written.Written, gathered.listener)
      const digests = yield* gathered.below(temporary)
      yield* Atomic.syncFolder(temporary)
      yield* Effect.uninterruptible(writing(Effect.andThen(remove(target), fs.rename(temporary, target))))
      yield* Atomic.syncFolder(checkpoints)
      return digests
    }).pipe(Effect.onExit((exit) => exit._tag === "Success" ? Effect.void : Effect.ignore(remove(temporary))))
  })

/**
 * Removes what the ledger does not speak of: folders of stages on their way, spools of finished ones, and halves. They
 * are known by their names, and those but for halves lie at the top: what else is there is not the run's.
 */
export const tidy = Effect.fnUntraced(
  function*(checkpoints: string, { midStage, stages }: Pick<Ledger, "midStage" | "stages">) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const failed = Effect.mapError(fromPlatform(checkpoints, "tidying up"))
    const kept = new Set(midStage.flatMap(({ folders }) => Object.keys(folders)))
    const spooled = new Set(stages.map(({ stage }) => `${nameOf(stage)}${Spool.extension}`))
    const left = (name: string) => spooled.has(name) || /^[^/\\]+\.(step|selected)-\d+$/.test(name) && !kept.has(name)
    yield* Effect.forEach(
      yield* failed(fs.readDirectory(checkpoints, { recursive: true })),
      Effect.fnUntraced(function*(name) {
        const place = path.join(checkpoints, name)
        if (left(name) || (yield* Halves.isThere(place))) {
          yield* failed(fs.remove(place, { recursive: true, force: true }))
        }
      }),
      { discard: true }
    )
  }
)
