/**
 * Where the pictures of rows are: beside the file that names them, in a folder of pictures there, or from the root.
 */
import { Effect, FileSystem, Path } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import * as Folder from "../Folder.ts"
import type { BadRow } from "../Rows.ts"

/** What folders of pictures are called. */
const usual = ["images", "image", "imgs", "img", "pictures", "photos", "train", "val", "valid", "test"]

export type Find = (name: string) => Effect.Effect<Folder.Picture, BadRow, FileSystem.FileSystem | Path.Path>

/**
 * Finds pictures inside of `root` by their names in a file of its folder `beside`. Where nothing is there the fault is
 * of the first place.
 */
export const open = (
  root: string,
  beside: string
): Effect.Effect<Find, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = yield* Folder.open(root, "the folder that its pictures are in")
    const near = [...new Set([beside, ""])]
    const there = yield* Effect.filter(near.flatMap((base) => usual.map((name) => path.join(base, name))), (base) =>
      Effect.orElseSucceed(
        Effect.map(fs.stat(path.join(folder.root, base)), ({ type }) =>
          type === "Directory"),
        () => false
      ))
    const bases = [...near, ...there]
    return (name) => {
      if (name === "" || path.isAbsolute(name)) {
        return folder.picture(name)
      }
      // Written on Windows.
      const written = name.includes("\\") ? [name, name.replaceAll("\\", "/")] : [name]
      const [first = name, ...others] = written.flatMap((spelt) =>
        bases.map((base) => path.join(base, spelt))
      )
      const missing = (error: BadRow) => error.reason === "missing-file"
      return Effect.catchIf(folder.picture(first), missing, (error) =>
        Effect.mapError(
          Effect.firstSuccessOf([...others.map((other) => folder.picture(other)), Effect.fail(error)]),
          (last) => missing(last) ? error : last
        ))
    }
  })
