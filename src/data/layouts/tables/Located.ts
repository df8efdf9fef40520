/**
 * Where the pictures of a table lie: one place for all of them, and what their names may lack.
 */
import { Effect, FileSystem, Path, Result } from "effect"
import type { DataError } from "../../../dsl/DataError.ts"
import * as Address from "../../Address.ts"
import { unreadable } from "../../Listing.ts"
import * as Spelling from "../../Spelling.ts"
import * as Walk from "../../Walk.ts"
import * as Places from "../Places.ts"
import { isImage } from "./Columns.ts"
import type { Column } from "./Profile.ts"

/** How a name becomes a path from the data set's folder. */
export interface Place {
  /** The folder that names are relative to, a path from the data set's. */
  readonly folder: string
  /** What names without an extension lack at their end, most often. */
  readonly suffix: string
  /** The same for each that is there, by its path from the data set's folder. */
  readonly extensions: ReadonlyMap<string, string>
  /** The files that addresses are, where the column holds some. */
  readonly byAddress?: Address.Find
}

/** A column with the place that most of its first values are found at. */
export interface Located extends Place {
  readonly column: Column
  /** How many of its first values are files there. */
  readonly found: number
}

const suffixes = [".jpg", ".jpeg", ".png", ".webp", ".JPG", ".PNG", ".tif"]

/** A name as a path: of a table from Windows with its separators. */
export const pathOf = (path: Path.Path, { extensions, folder, suffix }: Place, name: string): string => {
  const slashed = Places.slashed(name)
  const written = path.isAbsolute(slashed) ? slashed : path.join(folder, slashed)
  return Walk.isPictureName(written) ? written : `${written}${extensions.get(Spelling.composed(written)) ?? suffix}`
}

/** What names of files without their extensions lack, below a folder of the data set's; `likely` before others. */
const extensionsIn = Effect.fnUntraced(function*(root: string, folder: string, likely: string) {
  const path = yield* Path.Path
  const files = yield* Effect.mapError(Walk.files(path.join(root, folder)), unreadable(root))
  const found = new Map<string, string>()
  for (const file of files) {
    const name = Spelling.composed(path.join(folder, file))
    const { ext } = path.parse(name)
    if (!Walk.isPictureName(name)) found.set(name, "")
    else {
      const stem = name.slice(0, -ext.length)
      if (ext === likely || !found.has(stem)) found.set(stem, found.get(stem) === "" ? "" : ext)
    }
  }
  return found
})

/** Columns that may hold names without an extension. */
const isKey = (column: Column) => isImage(column) || /^(?:id|name|key|uuid)$/i.test(column.name)

/** The place where a column's values are files. `folders` are paths from `root`, the likelier first. */
const located = Effect.fnUntraced(function*(root: string, folders: ReadonlyArray<string>, column: Column) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const find = yield* Spelling.finder
  const byAddress = column.addresses > 0 ? yield* Address.finder(root) : undefined
  const isThere = (place: Place, name: string) =>
    byAddress !== undefined && Address.schemeOf(name) !== undefined ?
      Effect.succeed(Result.isSuccess(byAddress(name))) :
      Effect.match(
        Effect.flatMap(find(root, path.relative(root, path.resolve(root, pathOf(path, place, name)))), fs.stat),
        {
          onFailure: () => false,
          onSuccess: ({ type }) => type === "File"
        }
      )
  // Of a column that is called otherwise a few values tell.
  const values = isKey(column) ? column.first : column.first.slice(0, 3)
  const isBare = isKey(column) && column.bare > 0
  const extensions: Place["extensions"] = new Map()
  const remote = byAddress === undefined ? {} : { byAddress }
  const places = folders.flatMap((folder) =>
    ["", ...isBare ? suffixes : []].map((suffix) => ({ folder, suffix, extensions, ...remote }))
  )
  let best: Located = { folder: folders[0] ?? "", suffix: "", extensions, column, found: 0, ...remote }
  for (const place of places) {
    const there = yield* Effect.forEach(values, (name) => isThere(place, name), { concurrency: 8 })
    const found = there.filter((is) => is).length
    if (found > best.found) best = { ...place, column, found }
    if (found === values.length) break
  }
  return isBare ? { ...best, extensions: yield* extensionsIn(root, best.folder, best.suffix) } : best
})

/** The first of these columns whose values are files in the folder, its own folders, or below the table's. */
export const find = (
  root: string,
  table: string,
  columns: ReadonlyArray<Column>
): Effect.Effect<Located | undefined, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const own = path.relative(root, path.dirname(path.resolve(root, table)))
    const folders = yield* Places.folders(root, own)
    const tried: Array<Located> = []
    for (const column of columns) {
      if (column.first.length === 0) continue
      const place = yield* located(root, folders, column)
      if (place.found > 0) return place
      // It names pictures that are not there: another column's names would be those of something else.
      if (isImage(column) && column.first.every(Walk.isPictureName)) return place
      tried.push(place)
    }
    return tried.find(({ column }) => isImage(column))
  })
