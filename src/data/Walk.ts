/**
 * The files below a folder, in the order that torchvision walks them: without what systems leave behind, pictures told
 * from other files by their names.
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect"
import { names as listed } from "./Quoted.ts"

/** Files that are named. */
const some = 3

/** What systems and archives leave in folders: hidden files, `__MACOSX`, `Thumbs.db`. */
export const isSystems = (name: string): boolean =>
  name.startsWith(".") || /^(?:__macosx|thumbs\.db|desktop\.ini)$/i.test(name)

/** `.png` of `a/B.PNG`; "" where a name has none. */
export const extensionOf = (name: string): string => /[^/\\.](\.[^/\\.\s]+)$/.exec(name)?.[1]?.toLowerCase() ?? ""

/** Also of formats that are not read: their reader says what to export them as. */
const extensions = new Set(
  ".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .avif .bmp .ppm .pgm .pbm .heic .heif .svg .jp2 .jxl".split(" ")
)

/** Whether a name ends like a picture's. */
export const isPictureName = (name: string): boolean => extensions.has(extensionOf(name))

/** Whether a file may be a picture as far as its name tells; one without an extension may. */
export const isPicture = (name: string): boolean => {
  const extension = extensionOf(name)
  return extension === "" || extensions.has(extension)
}

/** What is in a folder, by name. */
export interface Listing {
  readonly folders: ReadonlyArray<string>
  readonly files: ReadonlyArray<string>
}

/**
 * What is in a folder, links followed, in order of names; a link that leads nowhere counts as a file. Fails where it
 * cannot be told what is there.
 */
export const list = (
  folder: string
): Effect.Effect<Listing, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const names = (yield* fs.readDirectory(folder)).filter((name) => !isSystems(name)).sort()
    const kinds = yield* Effect.forEach(
      names,
      (name) =>
        // Of a hundred thousand pictures none has to be looked at.
        isPictureName(name)
          ? Effect.succeed(false)
          : fs.stat(path.join(folder, name)).pipe(
            Effect.map(({ type }) => type === "Directory"),
            Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.succeed(false))
          ),
      { concurrency: 16 }
    )
    return {
      folders: names.filter((_, i) => kinds[i] === true),
      files: names.filter((_, i) => kinds[i] !== true)
    }
  })

/** The files below a folder, by their paths from it. */
export const files = (
  root: string
): Effect.Effect<ReadonlyArray<string>, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    // A link may lead back to where it stands.
    const seen = new Set<string>()
    const below = (
      folder: string
    ): Effect.Effect<
      ReadonlyArray<readonly [string, ReadonlyArray<string>]>,
      PlatformError.PlatformError,
      Path.Path | FileSystem.FileSystem
    > =>
      Effect.gen(function*() {
        const real = yield* fs.realPath(path.join(root, folder))
        if (seen.has(real)) return []
        seen.add(real)
        const here = yield* list(path.join(root, folder))
        const deeper = yield* Effect.forEach(here.folders, (name) => below(path.join(folder, name)))
        return [[folder, here.files] as const, ...deeper.flat()]
      })
    return (yield* below(""))
      .toSorted(([a], [b]) => a < b ? -1 : 1)
      .flatMap(([folder, names]) => names.map((name) => path.join(folder, name)))
  })

/** What to say of files that are by their names no pictures, and left alone: how many, and some of them. */
export const noPictures = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.length === 0
    ? []
    : [
      `${names.length === 1 ? "1 file is no picture" : `${names.length} files are no pictures`}: ${listed(names, some)}`
    ]

/** How many files there are of each extension, the most frequent first: `12 .png, 3 .txt`. */
export const counted = (names: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const name of names) {
    const extension = extensionOf(name) || "without an extension"
    counts.set(extension, (counts.get(extension) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([extension, count]) => `${count} ${extension}`).join(", ")
}
