/**
 * The shards of a Hugging Face data set: `data/train-00000-of-00001.parquet`, `train/0000.parquet` and their like.
 */
import { Effect, FileSystem, Path } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import { names } from "../Quoted.ts"
import * as Split from "./Split.ts"

/** Folders that are looked into beside those of halves: data sets with more hold something else. */
const most = 20

const shardsIn = (root: string, within: string, depth: number): Effect.Effect<
  ReadonlyArray<string>,
  never,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const entries = yield* Effect.orElseSucceed(fs.readDirectory(path.join(root, within)), () => [])
    const visible = entries.filter((name) => !name.startsWith(".")).sort().map((name) => path.join(within, name))
    const shards = visible.filter((name) => /\.parquet$/i.test(name))
    if (shards.length > 0 || depth === 0) return shards
    const folders = yield* Effect.filter(visible.filter((name) => !/\.\w+$/.test(name)).slice(0, most), (name) =>
      Effect.orElseSucceed(
        Effect.map(fs.stat(path.join(root, name)), ({ type }) =>
          type === "Directory"),
        () => false
      ))
    const inner = yield* Effect.forEach(folders, (name) =>
      shardsIn(root, name, depth - 1))
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
  return { first, held, notes: left.length > 0 ? [`not used: ${names(left, 4)}`] : [] }
})
