/**
 * The shards of a Hugging Face data set: `data/train-00000-of-00001.parquet`, `train/0000.parquet` and their like.
 */
import { Effect, type FileSystem, Path } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import { unreadable } from "../Listing.ts"
import { names } from "../Quoted.ts"
import * as Walk from "../Walk.ts"
import * as Split from "./Split.ts"

/** Folders that are looked into beside those of halves: data sets with more hold something else. */
const most = 20

const shardsIn = (root: string, within: string, depth: number): Effect.Effect<
  ReadonlyArray<string>,
  DataError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const { files, folders } = yield* Effect.mapError(Walk.list(path.join(root, within)), unreadable(root))
    const shards = files.filter((name) => /\.parquet$/i.test(name)).map((name) => path.join(within, name))
    if (shards.length > 0 || depth === 0) return shards
    const inner = yield* Effect.forEach(
      folders.slice(0, most),
      (name) => shardsIn(root, path.join(within, name), depth - 1)
    )
    return inner.flat()
  })

/** Parquet files of a folder and of the folders in it, from there. */
export const shards = (root: string) => shardsIn(root, "", 3)

/** Shards by half. Those of several configurations are not mixed. */
export const halves = Effect.fnUntraced(function*(root: string, shards: ReadonlyArray<string>) {
  const path = yield* Path.Path
  const { test = [], train = [], validation = [], whole = [] } = Split.byName(path, shards)
  const first = train.length > 0 ? train : whole.length > 0 ? whole : [...test, ...validation]
  const held = train.length + whole.length === 0 ? [] : test.length > 0 ? test : validation
  const folders = [...new Set(first.map((file) => path.dirname(file)))]
  if (folders.length > 1) {
    const reason = `shards in ${names(folders, 4)}: name the folder of one configuration`
    return yield* new DataError({ source: root, reason })
  }
  const used = new Set([...first, ...held])
  const left = shards.filter((file) => !used.has(file))
  return {
    first,
    held,
    notes: [
      ...left.length > 0 ? [`not used: ${names(left, 4)}`] : [],
      ...Split.onlyTested([test, validation], train.length + whole.length)
    ]
  }
})
