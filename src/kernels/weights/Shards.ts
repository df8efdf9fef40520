/**
 * Finds every tensor of a model directory: in model.safetensors, or in the shards that model.safetensors.index.json
 * names.
 */
import { Effect, FileSystem, Path } from "effect"
import { show } from "../text/show.ts"
import { isJsonObject, readJson } from "./JsonFile.ts"
import { type Header, readHeader, type TensorInfo } from "./Safetensors.ts"
import { fromPlatform, WeightsError } from "./WeightsError.ts"

/** A tensor's header, which knows the file, and its byte range. */
export interface Location {
  readonly header: Header
  readonly info: TensorInfo
}

/** The file name a shard may have: plain, so that an index cannot point outside its directory. */
const isPlainName = (name: string): boolean => /^[^/\\\0]+\.safetensors$/.test(name)

const readIndex = (path: string) =>
  Effect.gen(function*() {
    const weightMap = (yield* readJson(path))["weight_map"]
    if (!isJsonObject(weightMap)) {
      return yield* new WeightsError({ path, reason: "no weight_map object", expected: "{tensor name: file name}" })
    }
    const entries: Array<readonly [string, string]> = []
    for (const [tensor, file] of Object.entries(weightMap)) {
      if (typeof file !== "string" || !isPlainName(file)) {
        return yield* new WeightsError({
          path,
          tensor,
          reason: "the shard's name is refused",
          found: show(file),
          expected: "a plain file name that ends in .safetensors"
        })
      }
      entries.push([tensor, file])
    }
    return entries
  })

const locateSharded = (directory: string, indexPath: string, hint: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const entries = yield* readIndex(indexPath)
    const headers = new Map<string, Header>()
    for (const file of new Set(entries.map(([, file]) => file))) {
      const path = join(directory, file)
      if (!(yield* fs.exists(path).pipe(Effect.mapError(fromPlatform(path, "looking for it"))))) {
        return yield* new WeightsError({ path, reason: `no such file, but ${indexPath} names it`, hint })
      }
      headers.set(file, yield* readHeader(path))
    }
    const tensors = new Map<string, Location>()
    for (const [tensor, file] of entries) {
      const header = headers.get(file)
      const info = header?.tensors.get(tensor)
      if (header === undefined || info === undefined) {
        return yield* new WeightsError({
          path: indexPath,
          tensor,
          reason: `is not in ${file}, where the index puts it`,
          hint
        })
      }
      tensors.set(tensor, { header, info })
    }
    return tensors
  })

/** A single file wins over an index, as in transformers. */
export const locate = (
  directory: string,
  hint: string
): Effect.Effect<ReadonlyMap<string, Location>, WeightsError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const exists = (path: string) => fs.exists(path).pipe(Effect.mapError(fromPlatform(path, "looking for it")))
    const single = join(directory, "model.safetensors")
    if (yield* exists(single)) {
      const header = yield* readHeader(single)
      return new Map([...header.tensors].map(([name, info]) => [name, { header, info }]))
    }
    const index = join(directory, "model.safetensors.index.json")
    if (yield* exists(index)) return yield* locateSharded(directory, index, hint)
    const pickled = yield* exists(join(directory, "pytorch_model.bin"))
    return yield* new WeightsError({
      path: directory,
      reason: "no weights",
      ...(pickled ? { found: "pytorch_model.bin, which is not read" } : {}),
      expected: "model.safetensors or model.safetensors.index.json with its shards",
      hint
    })
  })
