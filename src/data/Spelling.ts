/**
 * Names with accents, which systems write in two ways: one character (Linux, Windows), or a letter and a mark behind it
 * (macOS, and what it packs). Both are one name: it is compared as the first, and a file is opened by what its folder
 * calls it.
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect"
import { quoted } from "./Quoted.ts"

/** A name as it is compared: with its accents composed (NFC). */
export const composed = (name: string): string => name.normalize("NFC")

/** Folders whose names are kept. */
const mostListed = 16

/** Names in a folder by what they are compared as, the first of those compared alike. The last few folders are kept. */
const listing = (comparedAs: (name: string) => string) =>
  Effect.map(FileSystem.FileSystem, (fs) => {
    const listed = new Map<string, ReadonlyMap<string, string>>()
    return Effect.fnUntraced(function*(folder: string) {
      const known = listed.get(folder)
      if (known !== undefined) return known
      const inOrder = (yield* fs.readDirectory(folder)).toSorted()
      const names = new Map(inOrder.reverse().map((name) => [comparedAs(name), name]))
      // The oldest goes.
      if (listed.size >= mostListed) listed.delete(listed.keys().next().value ?? "")
      listed.set(folder, names)
      return names
    })
  })

const isAbsent = ({ reason }: PlatformError.PlatformError) => reason._tag === "NotFound"

/**
 * Finds files below a folder, however the accents in their paths are written: the path that the disk has for a path
 * from `root`. One that is there as it is written goes before others. Fails as `realPath` does where there is none.
 */
export const finder: Effect.Effect<
  (root: string, name: string) => Effect.Effect<string, PlatformError.PlatformError>,
  never,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const namesIn = yield* listing(composed)
  const spelled = Effect.fnUntraced(function*(root: string, name: string) {
    let place = root
    for (const part of name.split(path.sep)) {
      const whole = path.join(place, part)
      place = (yield* fs.exists(whole)) ? whole : path.join(place, (yield* namesIn(place)).get(composed(part)) ?? part)
    }
    return yield* fs.realPath(place)
  })
  return (root, name) => {
    const found = fs.realPath(path.join(root, name))
    const hasMarks = composed(name) !== name || name.normalize("NFD") !== name
    return hasMarks
      ? Effect.catchIf(found, isAbsent, (error) => Effect.mapError(spelled(root, path.normalize(name)), () => error))
      : found
  }
})

/**
 * What there is to say of a file that is missing: that another is called alike but for large and small letters, which
 * other systems take for one, or that it is a link to nothing. "" where there is neither.
 */
export const alike: Effect.Effect<
  (place: string) => Effect.Effect<string>,
  never,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const namesIn = yield* listing((name) => name.toLowerCase())
  return Effect.fnUntraced(function*(place: string) {
    const known = yield* Effect.orElseSucceed(namesIn(path.dirname(place)), () => new Map<string, string>())
    const found = known.get(path.basename(place).toLowerCase())
    // The name itself is listed, and nothing is there: it is a link.
    if (found === path.basename(place)) {
      const target = yield* Effect.match(fs.readLink(place), {
        onFailure: () => "nothing",
        onSuccess: (to) => `${quoted(to)}, where nothing is`
      })
      return `: it is a link to ${target}`
    }
    return found === undefined ? "" : `; there is ${quoted(found)}, and large letters are not small ones`
  })
})
