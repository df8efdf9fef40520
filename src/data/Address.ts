/**
 * Pictures that rows name by an address (`s3://bucket/sun/1.png`, `https://…`). Nothing is fetched: such a picture is
 * the file of the same name in the data's folder, where exactly one has it.
 */
import { Effect, type FileSystem, Path, Result } from "effect"
import type { DataError } from "../dsl/DataError.ts"
import { unreadable } from "./Listing.ts"
import { names, quoted } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"
import * as Spelling from "./Spelling.ts"
import * as Walk from "./Walk.ts"

/** `s3` of `s3://bucket/sun/1.png`; undefined where a name is no address. */
export const schemeOf = (name: string): string | undefined => /^([a-z][a-z0-9+.-]+):\/\//i.exec(name)?.[1]

/** An address without its query, which a signature may be in; any other name as it is. */
export const plain = (name: string): string => schemeOf(name) === undefined ? name : name.replace(/[?#][^]*/, "")

const decoded = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** Names that a file may have that an address ends in: as it is written, or with its `%20` read. */
const endsOf = (address: string): ReadonlyArray<string> => {
  const end = plain(address).replace(/[^]*\//, "")
  return [...new Set([end, decoded(end)])]
}

/** Why a picture at an address is not read, and what helps. */
const absent = (address: string): BadRow => {
  const end = endsOf(address).at(-1) ?? ""
  const next = end === ""
    ? "name a file in its row"
    : `put ${quoted(end)} into the data's folder, or name another file in its row`
  return {
    reason: "remote",
    detail: `${quoted(address)} is an address (${schemeOf(address) ?? ""}), and nothing is fetched: ${next}`
  }
}

/** The file that an address is, by its path from the data's folder. */
export type Find = (address: string) => Result.Result<string, BadRow>

/** Knows of no files. */
export const unknown: Find = (address) => Result.fail(absent(address))

/** Finds files below a folder by the names that addresses end in. */
export const finder = (root: string): Effect.Effect<Find, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const files = Map.groupBy(
      yield* Effect.mapError(Walk.files(root), unreadable(root)),
      (file) => Spelling.composed(path.basename(file))
    )
    /** Addresses by the file that they were found to be. */
    const taken = new Map<string, string>()
    return (address) => {
      const there = endsOf(address).map((end) => files.get(Spelling.composed(end)) ?? [])
      const found = there.find((some) => some.length > 0) ?? []
      const [file] = found
      if (file === undefined) return Result.fail(absent(address))
      const ambiguous = (detail: string) => Result.fail({ reason: "ambiguous-name", detail })
      if (found.length > 1) return ambiguous(`${quoted(address)} may be ${names(found, 3)}`)
      const bare = plain(address)
      const other = taken.get(file)
      if (other !== undefined && other !== bare) {
        return ambiguous(`${quoted(other)} and ${quoted(bare)} may both be ${quoted(file)}`)
      }
      taken.set(file, bare)
      return Result.succeed(file)
    }
  })
