/**
 * The pictures of rows, each found by its name in one of the places that pictures lie in.
 */
import { Effect, type FileSystem, Option, Path, Result } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import * as Address from "../Address.ts"
import * as Folder from "../Folder.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Places from "./Places.ts"

export type Find = (name: string) => Effect.Effect<Folder.Picture, BadRow, FileSystem.FileSystem | Path.Path>

/**
 * Finds pictures inside of `root` by their names in a file of its folder `beside`: from there, from `root`, or else
 * from the one folder in these that has a picture of the name. Where nothing is there the fault is of the first place.
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
    // From its own folder and the data set's a name is a path, and says one file.
    const plain = new Set([beside, ""]).size
    const tried = bases.map((base) => base === "" ? "." : base)
    const looked = `; looked for in ${names(tried)}${
      others.length === 0 ? "" : `, and not in ${names(others, 3)}: rows name pictures by their paths from there`
    }`
    // Few data have addresses: files are looked for once one has.
    const byAddress = yield* Effect.cached(
      Effect.mapError(
        Address.finder(folder.root),
        ({ reason }): BadRow => ({ reason: "unreadable-folder", detail: reason })
      )
    )
    return (name) => {
      if (Address.schemeOf(name) !== undefined) {
        return Effect.flatMap(byAddress, (find) => Effect.flatMap(Effect.fromResult(find(name)), folder.picture))
      }
      if (name === "" || path.isAbsolute(name)) return folder.picture(name)
      const written = [...new Set([name, Places.slashed(name)])]
      const missing = (error: BadRow) => error.reason === "missing-file"
      const from = (some: ReadonlyArray<string>) =>
        written.flatMap((spelt) => some.map((base) => path.join(base, spelt)))
      const [first = name, ...more] = from(bases.slice(0, plain))
      /** The only one of the folders inside that has it. */
      const inside = (error: BadRow) =>
        Effect.gen(function*() {
          const files = yield* Effect.forEach(
            from(bases.slice(plain)),
            (place) => folder.file(place).pipe(Effect.map((file) => ({ place, file })), Effect.result)
          )
          const there = files.flatMap((found) => Option.toArray(Result.getSuccess(found)))
          const wrong = files.flatMap((found) => Option.toArray(Result.getFailure(found))).find((one) => !missing(one))
          const [only] = there
          if (new Set(there.map(({ file }) => file)).size > 1) {
            const places = names(there.map(({ place }) => place), 3)
            return yield* Effect.fail({ reason: "ambiguous-name", detail: `${quoted(name)} may be ${places}` })
          }
          if (only !== undefined) return yield* folder.picture(only.place)
          return yield* Effect.fail(wrong ?? { ...error, detail: `${error.detail}${looked}` })
        })
      return Effect.catchIf(folder.picture(first), missing, (error) =>
        more.reduceRight(
          (rest, other) => Effect.catchIf(folder.picture(other), missing, () => rest),
          inside(error)
        ))
    }
  })
