/**
 * The folder that a COCO file's names are relative to: nothing in the file says it.
 */
import { Effect, Option, Path, Result } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import { there } from "../../kernels/runtime/there.ts"
import * as Entries from "../CocoAnnotations.ts"
import type { Content } from "../CocoFile.ts"
import { within } from "../Folder.ts"
import { names as listed, quoted } from "../Quoted.ts"
import * as Spelling from "../Spelling.ts"
import * as Places from "./Places.ts"

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

/** Names of a list, from its beginning to its end: the first alone may be of one folder of several. */
const spread = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> =>
  all.filter((_, i) => i === 0 || Math.floor(i * some / all.length) > Math.floor((i - 1) * some / all.length))

/**
 * The folder in which most of the names are files, of those that such folders are called and of all others beside the
 * file. Fails where no name is a file in any.
 */
export const find = Effect.fnUntraced(function*(file: string, { images }: Content) {
  const path = yield* Path.Path
  const all = images.flatMap((image) =>
    Option.toArray(Option.map(Result.getSuccess(Entries.picture(image)), ({ name }) => name))
  )
  const names = spread(all)
  const lookUp = yield* Spelling.finder
  const isThere = (folder: string, name: string) =>
    Result.isSuccess(within(path, folder, name))
      ? Effect.isSuccess(lookUp(folder, name))
      : Effect.succeed(false)
  const beside = path.dirname(file)
  const above = path.basename(beside) === "annotations" ? path.dirname(beside) : beside
  const others = (yield* Places.folders(above, path.relative(above, beside))).map((name) => path.join(above, name))
  const folders = new Set([...candidates(path, file), ...others])
  let best = { folder: beside, found: 0 }
  for (const folder of folders) {
    const found = (yield* Effect.filter(names, (name) => isThere(folder, name))).length
    if (found > best.found) best = { folder, found }
    if (found === names.length) break
  }
  const isLost = best.found === 0 && all.length > 0 && all.every((name) => Result.isSuccess(within(path, beside, name)))
  if (isLost) {
    // Of a large list a few pictures may be there.
    for (const folder of folders) {
      for (const name of all) if (yield* isThere(folder, name)) return folder
    }
    const looked = yield* Effect.filter([...folders], there)
    const tried = looked.map((folder) => path.relative(above, folder) || ".")
    const alike = yield* Spelling.alike
    const [hint = ""] = (yield* Effect.forEach(looked, (folder) => alike(path.join(folder, all[0] ?? ""))))
      .filter((hint) => hint !== "")
    return yield* new DataError({
      source: file,
      reason: `no picture that it lists is there, such as ${quoted(all[0])}${hint}; looked for in ${above}: ` +
        `${listed(tried)}. ${
          hint === "" || hint.startsWith(":")
            ? "Put them into a folder beside the file"
            : "Name them in the file as they are called"
        }`
    })
  }
  return best.folder
})
