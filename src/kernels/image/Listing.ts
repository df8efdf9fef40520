/**
 * The pictures of a folder: names in order, and what is left out.
 *
 * A file is a picture by its ending, whatever it holds, or by its first bytes, whatever its ending: one that is damaged
 * or of a format that is not read is to be a row with its fault, a label file none at all.
 */
import { Effect } from "effect"
import type { Dirent } from "node:fs"
import { open, readdir, realpath, stat } from "node:fs/promises"
import { extname, join } from "node:path"
import * as SystemFault from "../runtime/SystemFault.ts"
import { isRaster } from "./Format.ts"
import { ImageError } from "./ImageError.ts"
import * as OpenFiles from "./OpenFiles.ts"

/** What folders hold beside their pictures. */
export interface LeftOut {
  readonly hidden: number
  /** Names of files that are no pictures. */
  readonly others: ReadonlyArray<string>
  /** Folders that were not looked into. */
  readonly folders: number
  /** Folders inside that cannot be listed, and why. */
  readonly unread: ReadonlyArray<string>
}

export interface Listing {
  readonly names: ReadonlyArray<string>
  readonly leftOut: LeftOut
}

export const nothing: LeftOut = { hidden: 0, others: [], folders: 0, unread: [] }

/** Those that are read, and those that a row is to say of that they are not. */
const endings = new Set(
  "avif gif jfif jpe jpeg jpg png tif tiff webp bmp heic heif jp2 jxl".split(" ").map((ending) => `.${ending}`)
)

/** Bytes that tell a raster format. */
const HEAD = 64

const startsAsPicture = (file: string): Effect.Effect<boolean> =>
  OpenFiles.inTurn(Effect.acquireUseRelease(
    Effect.tryPromise(() => open(file, "r")),
    (handle) => Effect.tryPromise(() => handle.read(new Uint8Array(HEAD), 0, HEAD, 0)),
    (handle) => Effect.ignore(Effect.tryPromise(() => handle.close()))
  )).pipe(
    Effect.match({
      onFailure: () => false,
      onSuccess: ({ buffer, bytesRead }) => isRaster(buffer.subarray(0, bytesRead))
    })
  )

/** Whether a file is taken for a picture. */
export const isPicture = (file: string): Effect.Effect<boolean> =>
  endings.has(extname(file).toLowerCase()) ? Effect.succeed(true) : startsAsPicture(file)

export const isHidden = (name: string): boolean => name.startsWith(".")

/** What a name in a folder is, links followed; one that leads nowhere is left for its row to tell. */
const kindOf = (folder: string, entry: Dirent): Effect.Effect<"file" | "folder" | "other"> => {
  const of = (info: { isDirectory(): boolean; isFile(): boolean }) =>
    info.isDirectory() ? "folder" : info.isFile() ? "file" : "other"
  return entry.isSymbolicLink()
    ? Effect.match(Effect.tryPromise(() => stat(join(folder, entry.name))), { onFailure: () => "file", onSuccess: of })
    : Effect.succeed(of(entry))
}

const byName = (a: Dirent, b: Dirent) => a.name < b.name ? -1 : 1

/**
 * Names of a folder's pictures, each with the folder before it: its files in order, then those of its folders.
 *
 * @param above folders that are being looked into, by their own paths: a link may lead back to one
 */
export const list = (
  folder: string,
  recursive: boolean,
  above: ReadonlyArray<string> = []
): Effect.Effect<Listing, ImageError> =>
  Effect.gen(function*() {
    const failed = (cause: unknown) =>
      new ImageError({ image: folder, reason: `the folder cannot be listed: ${SystemFault.words(cause)}`, cause })
    const own = yield* Effect.tryPromise({ try: () => realpath(folder), catch: failed })
    if (above.includes(own)) return { names: [], leftOut: nothing }
    const all = yield* Effect.tryPromise({ try: () => readdir(folder, { withFileTypes: true }), catch: failed })
    const shown = all.filter(({ name }) => !isHidden(name)).sort(byName)
    const known = yield* Effect.forEach(
      shown,
      Effect.fnUntraced(function*(entry) {
        const path = join(folder, entry.name)
        const kind = yield* kindOf(folder, entry)
        return { path, name: entry.name, kind, picture: kind === "file" && (yield* isPicture(path)) }
      }),
      { concurrency: 8 }
    )
    const folders = known.filter(({ kind }) => kind === "folder")
    const inside = recursive
      ? yield* Effect.forEach(folders, ({ path }) =>
        Effect.catch(
          list(path, true, [...above, own]),
          ({ message }) => Effect.succeed({ names: [], leftOut: { ...nothing, unread: [message] } })
        ))
      : []
    return {
      names: [
        ...known.flatMap(({ path, picture }) => picture ? [path] : []),
        ...inside.flatMap(({ names }) => names)
      ],
      leftOut: [
        {
          hidden: all.length - shown.length,
          others: known.flatMap(({ kind, name, picture }) => picture || kind === "folder" ? [] : [name]),
          folders: recursive ? 0 : folders.length,
          unread: []
        },
        ...inside.map(({ leftOut }) => leftOut)
      ].reduce(together)
    }
  })

export const together = (a: LeftOut, b: LeftOut): LeftOut => ({
  hidden: a.hidden + b.hidden,
  others: [...a.others, ...b.others],
  folders: a.folders + b.folders,
  unread: [...a.unread, ...b.unread]
})

/** Folders that cannot be listed are named, up to so many. */
const FOLDERS_NAMED = 3

/** "1 file", "2 files". */
export const counted = (n: number, one: string) => `${n} ${one}${n === 1 ? "" : "s"}`

/** What a user should know of a listing: a line where nothing was found, and one where something was left out. */
export const notes = (
  source: string,
  { leftOut: { folders, hidden, others, unread }, names }: Listing
): ReadonlyArray<string> => {
  const [first] = others
  const some = others.length > 1 ? `${first}, …` : first
  const parts = [
    ...(hidden === 0 ? [] : [counted(hidden, "hidden file")]),
    ...(first === undefined ? [] : [`${counted(others.length, "file")} without a picture (${some})`]),
    ...(folders === 0 ? [] : [`${counted(folders, "folder")} inside (--recursive looks into them)`])
  ]
  return [
    ...(names.length === 0 ? [`${source}: no picture in it`] : []),
    ...(parts.length === 0 ? [] : [`${source}: left out ${parts.join(", ")}`]),
    ...unread.slice(0, FOLDERS_NAMED),
    ...(unread.length > FOLDERS_NAMED
      ? [`${source}: ${counted(unread.length - FOLDERS_NAMED, "more folder")} that cannot be listed`]
      : [])
  ]
}
