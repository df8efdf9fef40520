/**
 * A folder that is written anew, and files of somebody else in the one that it replaces: they stay.
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect"
import { makeFolder } from "../kernels/runtime/makeFolder.ts"
import * as Digest from "./Digest.ts"
import * as Halves from "./Halves.ts"
import { fromPlatform } from "./RunError.ts"

/**
 * Moves the folder to `NAME.earlier`. What comes of it is to be run when the new one is whole: it moves the files there
 * that the new one does not have, and removes the rest. A process that is killed in between leaves `NAME.earlier`, and
 * the next one brings them back.
 *
 * @param outdated names that never come back: what the new folder may hold in another form
 */
export const setAside = Effect.fnUntraced(function*(target: string, outdated: ReadonlyArray<string> = []) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const earlier = `${target}.earlier`
  const replacing = Effect.mapError(fromPlatform(target, "replacing"))
  const remove = (place: string) => fs.remove(place, { recursive: true, force: true })

  const isTheirs = (name: string) => !outdated.includes(name) && !name.split("/").some(Halves.isHalf)

  /** Moves the files that `to` does not have; of what a killed process left behind, nothing. */
  const move = Effect.fnUntraced(function*(from: string, to: string) {
    for (const name of (yield* Digest.filesBelow(from)).filter(isTheirs)) {
      const place = path.join(to, name)
      if (yield* replacing(fs.exists(place))) continue
      yield* replacing(Effect.andThen(
        makeFolder(path.dirname(place)),
        fs.rename(path.join(from, name), place)
      ))
    }
    yield* replacing(remove(from))
  })
  const there = (place: string): Effect.Effect<boolean, PlatformError.PlatformError> => fs.exists(place)
  if (yield* replacing(there(target))) {
    if ((yield* replacing(fs.stat(target))).type !== "Directory") yield* replacing(remove(target))
    else if (yield* replacing(there(earlier))) yield* move(target, earlier)
    else yield* replacing(fs.rename(target, earlier))
  }
  return Effect.suspend(() => move(earlier, target)).pipe(
    Effect.provideService(FileSystem.FileSystem, fs),
    Effect.provideService(Path.Path, path)
  )
})
