/**
 * Where a picture of Label Studio is. The server's addresses (`/data/upload/…`, `/data/local-files/?d=…`) end in paths
 * that are not those of the folder at hand: a file is also known by its name alone, where only one has it.
 */
import { Effect, type FileSystem, Path, Result } from "effect"
import type { DataError } from "../../dsl/DataError.ts"
import * as Address from "../Address.ts"
import { unreadable } from "../Listing.ts"
import * as PictureName from "../PictureName.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Spelling from "../Spelling.ts"
import * as Walk from "../Walk.ts"
import * as Pictures from "./Pictures.ts"

const decoded = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** The path that an address of the server ends in; other addresses stay as they are. */
const pathOf = (name: string): Result.Result<string, BadRow> => {
  const [, served] = /^https?:\/\/[^/]+(\/data\/(?:upload|local-files)\/.*)$/i.exec(name) ?? []
  const [, query = ""] = /\/data\/local-files\/?\?([^#]*)/.exec(served ?? name) ?? []
  const local = query.split("&").findLast((part) => part.startsWith("d="))?.slice("d=".length)
  if (local !== undefined) return Result.succeed(decoded(local).replace(/^\/+/, ""))
  return Result.map(PictureName.read("image", served ?? name), (path) => path.replace(/^\/+/, ""))
}

/** Names that a file may have in the folder: uploads get eight characters before theirs. */
const spellings = (path: string): ReadonlyArray<string> => {
  const all = [path, decoded(path), path.replace(/[?#][^]*/, "")]
  return [...new Set([...all, ...all.map((name) => name.replace(/(^|[/\\])[0-9a-f]{8}-(?=[^/\\]*$)/, "$1"))])]
}

/** Finds pictures inside of `root` by what a file of its folder `beside` calls them. */
export const open = (
  root: string,
  beside: string
): Effect.Effect<Pictures.Find, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const find = yield* Pictures.open(root, beside)
    const files = Map.groupBy(
      yield* Effect.mapError(Walk.files(root), unreadable(root)),
      (file) => Spelling.composed(path.basename(file))
    )
    const byName = (name: string) =>
      Effect.gen(function*() {
        const candidates = spellings(name).flatMap((spelt) =>
          files.get(Spelling.composed(path.basename(spelt.replaceAll("\\", "/")))) ?? []
        )
        const [only] = new Set(candidates)
        if (only === undefined) return yield* find(name)
        if (new Set(candidates).size === 1) return yield* find(only)
        const found = `${quoted(name)} may be ${names([...new Set(candidates)], 3)}`
        return yield* Effect.fail<BadRow>({ reason: "ambiguous-name", detail: found })
      })
    return (given) =>
      Effect.gen(function*() {
        const name = yield* Effect.fromResult(pathOf(given))
        if (Address.schemeOf(name) !== undefined) return yield* find(name)
        const missing = ({ reason }: BadRow) => reason === "missing-file"
        const [first = name, ...others] = spellings(name)
        const tried = others.reduce(
          (found, spelt) => Effect.catchIf(found, missing, () => find(spelt)),
          find(first)
        )
        return yield* Effect.catchIf(tried, missing, () => byName(name))
      })
  })
