/**
 * The pictures of rows, each found by its name in one of the places that pictures lie in.
 */
import { Effect, type FileSystem, Path } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import * as Folder from "../Folder.ts"
import { names } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Places from "./Places.ts"

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
    const path = yield* Path.Path
    const folder = yield* Folder.open(root, "the folder that its pictures are in")
    const bases = yield* Places.folders(folder.root, beside, Places.isUsual)
    const others = (yield* Places.folders(folder.root, beside)).filter((name) => !bases.includes(name))
    const tried = bases.map((base) => base === "" ? "." : base)
    const looked = `; looked for in ${names(tried)}${
      others.length === 0 ? "" : `, and not in ${names(others, 3)}: rows name pictures by their paths from there`
    }`
    return (name) => {
      if (name === "" || path.isAbsolute(name)) return folder.picture(name)
      const written = [...new Set([name, Places.slashed(name)])]
      const [first = name, ...more] = written.flatMap((spelt) => bases.map((base) => path.join(base, spelt)))
      const missing = (error: BadRow) => error.reason === "missing-file"
      return Effect.catchIf(folder.picture(first), missing, (error) =>
        Effect.mapError(
          Effect.firstSuccessOf([...more.map((other) => folder.picture(other)), Effect.fail(error)]),
          (last) => missing(last) ? { ...error, detail: `${error.detail}${looked}` } : last
        ))
    }
  })
