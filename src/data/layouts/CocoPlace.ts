/**
 * The folder that a COCO file's names are relative to: nothing in the file says it.
 */
import { Effect, Option, Path, Result } from "effect"
import * as Entries from "../CocoAnnotations.ts"
import type { Content } from "../CocoFile.ts"
import { within } from "../Folder.ts"
import * as Spelling from "../Spelling.ts"

/** Names that are looked up. */
const some = 20

/** What a file is the annotations of: `train2017` of `instances_train2017.json`. */
const partOf = (stem: string): ReadonlyArray<string> => {
  const part = stem.replace(/^_?(?:instances|annotations)[-_.]?/i, "").replace(/[-_.]?(?:coco|annotations)$/i, "")
  return part === "" ? [] : [part]
}

/** Folders that pictures may be in, beside a file, the likelier first. */
const candidates = (path: Path.Path, file: string): ReadonlyArray<string> => {
  const beside = path.dirname(file)
  const above = path.dirname(beside)
  const bases = path.basename(beside) === "annotations" ? [above, beside] : [beside]
  const parts = partOf(path.basename(file).replace(/\.\w+$/, ""))
  return [beside, ...bases].flatMap((base) => [
    base,
    ...parts.flatMap((
      part
    ) => [path.join(base, part), path.join(base, "images", part), path.join(base, part, "images")]),
    ...["images", "img", "data"].map((name) => path.join(base, name))
  ])
}

/** The folder in which most of the first names are files; the file's own where none are. */
export const find = Effect.fnUntraced(function*(file: string, { images }: Content) {
  const path = yield* Path.Path
  const names = images.slice(0, some).flatMap((image) =>
    Option.toArray(Option.map(Result.getSuccess(Entries.picture(image)), ({ name }) => name))
  )
  const lookUp = yield* Spelling.finder
  const isThere = (folder: string, name: string) =>
    Result.isSuccess(within(path, folder, name))
      ? Effect.isSuccess(lookUp(folder, name))
      : Effect.succeed(false)
  let best = { folder: path.dirname(file), found: 0 }
  for (const folder of new Set(candidates(path, file))) {
    const found = (yield* Effect.filter(names, (name) => isThere(folder, name))).length
    if (found > best.found) best = { folder, found }
    if (found === names.length) break
  }
  return best.folder
})
