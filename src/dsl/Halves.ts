/**
 * Halves: what a process was writing beside its place when it was killed. They are told by the names that are made here
 * and nowhere else; everything else that ends with `.tmp` is somebody else's.
 */
import { Effect, FileSystem, Path } from "effect"

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

/**
 * `results.json.UUID.tmp` (`Atomic`; in folders of before the process's number instead), `state.safetensors.UUID.tmp`
 * and an engine's `engine.json.tmp`.
 */
const file = new RegExp(
  `\\.(jsonl?|html|js|md|xml|safetensors)\\.(\\d+|${uuid})\\.tmp$|^engine\\.json\\.tmp$`
)

/** A model's `model.UUID.tmp`, and a stage's on its way, `NAME.step-N.tmp`. */
const folder = new RegExp(`\\.${uuid}\\.tmp$|\\.(step|selected)-\\d+\\.tmp$`)

/** Whether a half has such a name, a file's or a folder's. */
export const isHalf = (name: string): boolean => file.test(name) || folder.test(name)

/** Whether one is there: a file with a file's name, or a folder with a folder's. */
export const isThere = Effect.fnUntraced(function*(place: string) {
  const fs = yield* FileSystem.FileSystem
  const name = (yield* Path.Path).basename(place)
  if (!isHalf(name)) return false
  // What is gone by now, with the folder that it lay in, is none.
  const type = yield* Effect.match(fs.stat(place), { onFailure: () => "gone", onSuccess: ({ type }) => type })
  return type === "File" ? file.test(name) : type === "Directory" && folder.test(name)
})
