/**
 * Where pictures may lie that a file names: beside it, below the data set's folder, or in a folder of either.
 */
import { Effect, type FileSystem, Path } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import { unreadable } from "../Listing.ts"
import * as Walk from "../Walk.ts"

/** What folders of pictures are called. */
const usual = ["images", "image", "imgs", "img", "pictures", "photos", "train", "val", "valid", "test"]

/** Whether a folder is called as folders of pictures are. */
export const isUsual = (name: string): boolean => usual.includes(name.toLowerCase())

/** Folders of a folder that are looked at: more are something else, such as a folder a picture. */
const most = 50

/**
 * Folders that names in a file of the folder `beside` may be relative to, by their paths from `root`, the likelier
 * first: its own, the data set's, then the folders in these that `may` hold pictures.
 */
export const folders = (
  root: string,
  beside: string,
  may: (name: string) => boolean = () => true
): Effect.Effect<ReadonlyArray<string>, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const near = [...new Set([beside, ""])]
    const inside = yield* Effect.forEach(near, (base) =>
      Effect.map(Effect.mapError(Walk.list(path.join(root, base)), unreadable(root)), ({ folders }) =>
        folders.filter(may).toSorted((a, b) =>
          Number(isUsual(b)) - Number(isUsual(a))
        ).slice(0, most).map((name) =>
          path.join(base, name)
        )))
    return [...new Set([...near, ...inside.flat()])]
  })

/** A name with the separators of this system: of a file from Windows it has others. */
export const slashed = (name: string): string => name.replaceAll("\\", "/")
