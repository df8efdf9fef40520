/**
 * What a user's own pictures turn out to be, of all layouts that are read.
 *
 * @module
 */
import { Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import { DataError } from "../../dsl/Dataset.ts"
import * as Rules from "../../kernels/math/Rules.ts"
import * as Nearby from "../../kernels/runtime/Nearby.ts"
import * as JsonHead from "../JsonHead.ts"
import { unreadable } from "../Listing.ts"
import * as Reader from "../Options.ts"
import * as Quoted from "../Quoted.ts"
import * as Spelling from "../Spelling.ts"
import * as Table from "../Table.ts"
import * as Walk from "../Walk.ts"
import * as ClassFolders from "./ClassFolders.ts"
import * as Coco from "./Coco.ts"
import * as Conversations from "./Conversations.ts"
import * as Foreign from "./Foreign.ts"
import * as HuggingFace from "./HuggingFace.ts"
import * as JsonForms from "./JsonForms.ts"
import * as LabelStudio from "./LabelStudio.ts"
import type { Found, Hints, Layout } from "./Layout.ts"
import * as Shelf from "./Shelf.ts"
import * as Tables from "./Tables.ts"

export { defaultShare, hold } from "./Held.ts"
export type { Boxes, Classes, Found, Hints, Layout } from "./Layout.ts"

/**
 * All layouts, in the order they are tried. A file that says what pictures show goes before the folders that they lie
 * in.
 */
export const layouts: ReadonlyArray<Layout> = [
  Coco.layout,
  LabelStudio.layout,
  Conversations.layout,
  HuggingFace.layout,
  JsonForms.layout,
  Tables.layout,
  ClassFolders.layout
]

const examples = layouts.map(({ example, name }) => `\n  ${name}: ${example}`).join("")
const expected = `expected one of${examples}`

/** What there is to see, for a folder that no layout fits. */
const seen = Effect.fnUntraced(function*(folder: string) {
  const path = yield* Path.Path
  const { files, folders } = yield* Walk.list(folder)
  const all = yield* Walk.files(folder)
  const pictures = all.filter(Walk.isPictureName)
  if (all.length === 0) {
    const inside = folders.length > 0 ? "the folder has no files, only empty folders" : "the folder is empty"
    return `${inside}: put pictures in it, ${expected}`
  }
  if (pictures.length === all.length && folders.length === 0) {
    return `${Quoted.count(pictures.length, "picture")} and no labels: put each into a folder that is called by its ` +
      `label (sun/${pictures[0]}), or write a table labels.csv beside them with the columns image,label`
  }
  const foreign = yield* Foreign.named(folder, all)
  if (Option.isSome(foreign)) return foreign.value
  const only = yield* Shelf.onlyLabel(folder)
  if (Option.isSome(only)) return only.value
  const tables = yield* Effect.forEach(
    files.filter((name) => /\.(?:csv|tsv|tab)$/i.test(name)).slice(0, 3),
    (name) =>
      Effect.match(Table.open(path.join(folder, name), "a table"), {
        onFailure: ({ reason }) => `${name}: ${reason}; `,
        onSuccess: ({ header }) =>
          header.length === 0
            ? `${name} is empty; `
            : `${name} has the columns ${Quoted.names(header)}, none of which names pictures here; `
      })
  )
  const unread = yield* Effect.forEach(
    files.filter((name) => /\.(?:json|jsonl|ndjson)$/i.test(name)).slice(0, 3),
    (name) =>
      Effect.match(JsonHead.read(path.join(folder, name), "JSON"), {
        onFailure: ({ reason }) => `${name}: ${reason}; `,
        onSuccess: () => ""
      })
  )
  const some = [...folders.map((name) => `${name}/`), ...files]
  return `no layout that is read: it holds ${Quoted.names(some, 6)}; files in all: ${Walk.counted(all)}; ` +
    `${[...tables, ...unread].join("")}${expected}`
})

const fileSeen = (file: string): string => {
  const extension = Walk.extensionOf(file)
  if (Walk.isPictureName(file)) return `one picture, no data set: name the folder, ${expected}`
  return /^\.(?:zip|tar|gz|tgz|bz2|xz|7z|rar)$/.test(extension)
    ? "an archive: unpack it and name the folder"
    : `no layout that is read, ${expected}`
}

/** Tries every layout; where one fits, what others make of it is no error. */
const tried = Effect.fnUntraced(function*(path: string, hints: Hints) {
  const faults: Array<{ readonly name: string; readonly error: DataError }> = []
  const fitting: Array<{ readonly name: string; readonly found: Found }> = []
  for (const { name, open } of layouts) {
    yield* Effect.match(open(path, hints), {
      onFailure: (error) => void faults.push({ name, error }),
      onSuccess: Option.map((found) => void fitting.push({ name, found }))
    })
  }
  const [first, ...others] = fitting
  const [fault] = faults
  if (first === undefined) return fault === undefined ? Option.none() : yield* fault.error
  const notes = [
    ...others.length > 0
      ? [`it could be read as ${others.map(({ name }) => name).join(" or ")}, too: read as ${first.found.layout}`]
      : [],
    ...faults.map(({ error, name }) => `not read as ${name}: ${error.message}`)
  ]
  return Option.some({ ...first.found, notes: [...first.found.notes, ...notes] })
})

/** What may be said of the data. */
const rules: Rules.Table = {
  labels: Rules.required(Reader.found),
  few: Rules.yesOrNo,
  kind: Rules.oneOf("classes", "boxes")
}

/**
 * What is at a path: a folder of pictures in one of the layouts, or the file that describes them. A folder that holds
 * nothing but another is that one.
 */
export const find = (
  path: string,
  hints: Hints = { labels: Option.none() }
): Effect.Effect<Found, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    yield* Reader.check(path, rules, hints)
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const fail = (reason: string) => new DataError({ source: path, reason })
    const io = Effect.mapError((error: PlatformError.PlatformError) => fail(unreadable(path)(error).reason))
    const { type } = yield* fs.stat(path).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound",
        () => Effect.flatMap(Nearby.meant(path), (meant) => fail(`no such file or folder${meant || `, ${expected}`}`))
      ),
      Effect.mapError((error) => error instanceof DataError ? error : fail(unreadable(path)(error).reason))
    )
    const labels = Option.map(hints.labels, (all) => all.map(Spelling.composed))
    const found = yield* JsonHead.once(tried(path, { ...hints, labels }))
    if (Option.isSome(found)) return found.value
    if (type !== "Directory") return yield* fail(fileSeen(path))
    const { files, folders: [only = "", ...more] } = yield* io(Walk.list(path))
    const single = yield* io(Shelf.onlyLabel(path))
    if (Option.isSome(single)) return yield* fail(single.value)
    if (files.length === 0 && only !== "" && more.length === 0 && (yield* io(Walk.files(path))).length > 0) {
      const inner = yield* find(join(path, only), hints)
      return { ...inner, notes: [`read from the only folder in it, ${only}/`, ...inner.notes] }
    }
    return yield* fail(yield* io(seen(path)))
  })
