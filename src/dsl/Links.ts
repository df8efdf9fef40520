/**
 * Symbolic links in a run folder. A run appends to, cuts, replaces and removes what has the names of its own files: by
 * a link it would do that to a file elsewhere. The run folder itself may be reached through a link.
 */
import { Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import * as Halves from "./Halves.ts"
import { fromPlatform, RunFileError } from "./RunError.ts"
import * as RunLock from "./RunLock.ts"

interface Link {
  readonly place: string
  readonly target: string
}

/** Folders that a run writes in, and removes from. */
const folders = new Set(["checkpoints", "last-good", "model", "model.earlier", "report"])

/** Whether a run may write a file of that name at the top of its folder; which line files there are, its stages say. */
const isOurs = (name: string): boolean =>
  folders.has(name) || /\.(jsonl?|html|md)$/.test(name) || Halves.isHalf(name) || isLock(name)

const isLock = (name: string): boolean => name.startsWith(RunLock.lockFile)

/** Of what another run takes away meanwhile there is nothing to say. */
const unlessGone = <A, R>(effect: Effect.Effect<ReadonlyArray<A>, PlatformError.PlatformError, R>) =>
  Effect.catchIf(effect, ({ reason }) => reason._tag === "NotFound", () => Effect.succeed([]))

/** The place itself where it is a link, or all links below it. */
const linksAt = (
  place: string
): Effect.Effect<ReadonlyArray<Link>, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    // Fails for everything else. A link that leads nowhere is one, too: what is written to it makes a file.
    const target = yield* Effect.option(fs.readLink(place))
    if (Option.isSome(target)) return [{ place, target: target.value }]
    return (yield* fs.stat(place)).type === "Directory" ? yield* linksIn(place, () => true) : []
  }).pipe(unlessGone)

const linksIn = Effect.fnUntraced(function*(folder: string, looked: (name: string) => boolean) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = (yield* unlessGone(fs.readDirectory(folder))).filter(looked).toSorted()
  return (yield* Effect.forEach(names, (name) => linksAt(path.join(folder, name)))).flat()
})

/**
 * Fails where an entry of the folder that may be written or removed is a symbolic link, or holds one at any depth.
 *
 * @param looked names at the top that count
 */
const refuse = Effect.fnUntraced(function*(directory: string, looked: (name: string) => boolean) {
  const reading = Effect.mapError(fromPlatform(directory, "looking for links"))
  const [first, ...others] = yield* reading(linksIn(directory, looked))
  if (first === undefined) return
  const more = others.length === 0
    ? ""
    : ` (so ${others.length === 1 ? "is" : "are"} ${others.slice(0, 3).map(({ place }) => place).join(", ")}${
      others.length > 3 ? ` and ${others.length - 3} more` : ""
    })`
  return yield* new RunFileError({
    path: first.place,
    reason: `is a link to ${first.target}${more}: a run writes files of its own; replace it by a copy. ` +
      "Nothing was touched"
  })
})

/** Before the folder is taken: the lock is the first thing that is written. */
export const refuseLock = (directory: string) => refuse(directory, isLock)

/** Before a run is begun or gone on with. */
export const refuseAny = (directory: string) => refuse(directory, isOurs)

/** Before some files and folders of it are written, and nothing else. */
export const refuseIn = (directory: string, names: ReadonlyArray<string>) =>
  refuse(
    directory,
    (name) => names.some((written) => name === written || Halves.isHalf(name) && name.startsWith(`${written}.`))
  )
