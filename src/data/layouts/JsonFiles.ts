/**
 * Which JSON files of a folder hold the rows, and which half each is: told by what their first row looks like.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import * as JsonHead from "../JsonHead.ts"
import { unreadable } from "../Listing.ts"
import { names } from "../Quoted.ts"
import * as Walk from "../Walk.ts"
import { isFields } from "./BoxForms.ts"
import { folded } from "./Folded.ts"
import * as Names from "./Names.ts"
import * as Split from "./Split.ts"

/** What a JSON file holds. */
export type Kind = "coco" | "label-studio" | "conversations" | "rows"

/** Fields in which a row may name its picture, in this order. */
export const pictureFields = [
  ...["image", "images", "file_name", "filename", "file", "image_path", "img_path", "path", "filepath", "file_path"],
  ...["image_name", "img", "picture", "photo", "image_url", "url"]
]

/** Fields in which a question and its answer stand, where a row has no turns: one of each in the same place. */
export const questionFields = ["problem", "instruction", "query", "prefix"]
export const answerFields = ["solution", "output", "response", "suffix"]

const namesPictures: ReadonlySet<string> = new Set(pictureFields)

const kindOfRow = (found: unknown): Option.Option<Kind> => {
  if (!isFields(found)) return Option.none()
  const row = folded(found, namesPictures)
  const isList = (...keys: ReadonlyArray<string>) => keys.some((key) => Array.isArray(row[key]))
  const has = (...keys: ReadonlyArray<string>) => keys.every((key) => row[key] !== undefined)
  if (isList("categories") && isList("images")) return Option.some("coco")
  const isTask = isFields(row["data"]) && isList("annotations", "completions", "predictions")
  if (isTask || has("annotation_id", "annotator")) return Option.some("label-studio")
  const isPair = answerFields.some((answer, i) => has(answer, questionFields[i] ?? answer))
  if (isList("messages", "conversations") || isPair) return Option.some("conversations")
  return pictureFields.some((key) => has(key)) ? Option.some("rows") : Option.none()
}

/** Of an object whose only list holds rows, or whose keys are names of pictures. */
const kindInside = (whole: unknown): Option.Option<Kind> => {
  if (!isFields(whole)) return Option.none()
  const inner = Object.values(whole).filter((value): value is ReadonlyArray<unknown> => Array.isArray(value))
  const keys = Object.keys(whole)
  return inner.length === 1
    ? kindOfRow(inner[0]?.[0])
    : keys.length > 0 && keys.every(Walk.isPictureName)
    ? Option.some("rows")
    : Option.none()
}

const kindOf = ({ first, form, lists }: JsonHead.Head): Option.Option<Kind> => {
  if (form !== "object") return Option.flatMap(first, kindOfRow)
  if (lists.some((key) => ["images", "categories"].includes(key))) return Option.some("coco")
  return Option.orElse(
    Option.flatMap(first, (whole) => Option.orElse(kindOfRow(whole), () => kindInside(whole))),
    () => lists.includes("annotations") ? Option.some("coco" as const) : Option.none()
  )
}

const isJson = (name: string) =>
  /^[^.].*\.(?:json|jsonl|ndjson)$/i.test(name) && !/^package(?:-lock)?\.json$/.test(name)

/** Files that are looked into; a folder with a file per picture has more. */
const most = 50

/** Names of whole data sets, of which one is meant where several files look alike. */
const usual = /^(?:data|dataset|annotations|metadata|labels|instances|_annotations\.coco)\.\w+$/i

export interface Files {
  /** The folder that everything lies in. */
  readonly root: string
  /** From there. */
  readonly train: string
  readonly test: Option.Option<string>
  readonly notes: ReadonlyArray<string>
}

/** Whether a file by its name holds the rows of a data set, and by its content nothing that can be told. */
const isDamaged = (name: string, head: Option.Option<JsonHead.Head>) =>
  (usual.test(name) || Names.halfIn(name) !== undefined) &&
  Option.match(head, { onNone: () => true, onSome: ({ first, form }) => Option.isNone(first) && form !== "object" })

/** JSON files in a folder, by their path from the root: those of a kind, and those that are to be refused. */
const inFolder = (root: string, within: string, kind: Kind) =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const { files } = yield* Effect.mapError(Walk.list(path.join(root, within)), unreadable(root))
    const looked = yield* Effect.forEach(files.filter(isJson).slice(0, most), (name) =>
      Effect.map(Effect.option(JsonHead.read(path.join(root, within, name), "JSON")), (head) => {
        const found = Option.flatMap(head, kindOf)
        const file = path.join(within, name)
        return { file, found, damaged: Option.isNone(found) && isDamaged(name, head) }
      }))
    return {
      files: looked.filter(({ found }) =>
        Option.contains(found, kind)
      ).map(({ file }) => file),
      // Rows are the plainest form: who reads them says what is wrong.
      damaged: looked.every(({ found }) => Option.isNone(found)) && kind === "rows"
        ? looked.filter(({ damaged }) => damaged).map(({ file }) => file)
        : []
    }
  })

const list = (files: ReadonlyArray<string>) => names(files, 4)

/** The halves among files of one kind. Those whose names `prefer` fits go before others. */
const halves = (
  root: string,
  all: ReadonlyArray<string>,
  prefer: RegExp
): Effect.Effect<Option.Option<Files>, DataError, Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const preferred = all.filter((file) => prefer.test(path.basename(file)))
    const files = preferred.length > 0 ? preferred : all
    const { test = [], train = [], validation = [], whole = [] } = Split.byName(path, files)
    const known = whole.filter((file) => usual.test(path.basename(file)))
    const rest = whole.length > 1 && known.length === 1 ? known : whole
    const first = train.length > 0 ? train : rest.length > 0 ? rest : [...test, ...validation]
    const held = train.length + rest.length === 0 ? [] : test.length > 0 ? test : validation
    const [trained] = first
    if (trained === undefined) return Option.none()
    const several = [first, held].find((some) => some.length > 1)
    if (several !== undefined) {
      const reason = `${list(several)} look alike: name one file instead of the folder, or keep one for each half`
      return yield* new DataError({ source: root, reason })
    }
    const used = new Set([...first, ...held])
    const left = all.filter((file) => !used.has(file))
    const notes = [
      ...left.length > 0 ? [`not used: ${list(left)}`] : [],
      ...Split.onlyTested([test, validation], train.length + rest.length)
    ]
    return Option.some({ root, train: trained, test: Option.fromUndefinedOr(held[0]), notes })
  })

/**
 * The files of a kind at a path: the file itself, files of a folder, or of the folders in it. None where there are none
 * of the kind; fails where several could be meant.
 */
export const find = (
  at: string,
  kind: Kind,
  prefer = /^/
): Effect.Effect<Option.Option<Files>, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const info = yield* Effect.option(fs.stat(at))
    if (Option.isNone(info)) return Option.none()
    if (info.value.type !== "Directory") {
      if (!isJson(path.basename(at))) return Option.none()
      const found = kindOf(yield* JsonHead.read(at, "JSON"))
      // What nothing can be made of is refused by who reads rows.
      return Option.contains(Option.orElse(found, () => Option.some("rows" as const)), kind)
        ? Option.some({ root: path.dirname(at), train: path.basename(at), test: Option.none(), notes: [] })
        : Option.none()
    }
    const direct = yield* inFolder(at, "", kind)
    if (direct.files.length > 0) return yield* halves(at, direct.files, prefer)
    const { folders } = yield* Effect.mapError(Walk.list(at), unreadable(at))
    const nested = yield* Effect.forEach(
      folders.filter((name) => Names.halfIn(name) !== undefined || name === "annotations"),
      (name) => inFolder(at, name, kind)
    )
    const files = nested.flatMap(({ files }) => files)
    return yield* halves(at, files.length > 0 ? files : [direct, ...nested].flatMap(({ damaged }) => damaged), prefer)
  })
