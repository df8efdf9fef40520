/**
 * Files of tools whose layouts are not read, known by their names and first bytes, and what to export instead.
 */
import { Effect, type FileSystem, Option, Path } from "effect"
import * as JsonHead from "../JsonHead.ts"
import { isFields } from "./BoxForms.ts"

const coco = "export it as COCO, or convert it (the FiftyOne and datumaro packages do)"

/** By the paths of all files below a folder. */
const byNames: ReadonlyArray<readonly [tool: string, next: string, is: (files: ReadonlyArray<string>) => boolean]> = [
  [
    "CVAT (one annotations.xml)",
    "export it from CVAT as COCO",
    (files) => {
      const [only, more] = files.filter((file) => /\.xml$/i.test(file))
      return more === undefined && only !== undefined && /(?:^|[/\\])annotations\.xml$/i.test(only)
    }
  ],
  ["Pascal VOC (an XML file a picture)", coco, (files) => files.some((file) => /\.xml$/i.test(file))],
  [
    "YOLO (a text file a picture)",
    coco,
    (files) =>
      files.some((file) => /(?:^|[/\\])labels[/\\](?:.*[/\\])?[^/\\]+\.txt$|\.ya?ml$/i.test(file)) &&
      files.some((file) => /\.txt$/i.test(file))
  ],
  ["a spreadsheet", "save it as CSV", (files) => files.some((file) => /\.(?:xlsx?|ods|numbers)$/i.test(file))],
  ["TFRecord", coco, (files) => files.some((file) => /\.tfrecords?(?:-\d+-of-\d+)?$/i.test(file))],
  [
    "arrays in one file",
    "write them out as picture files in a folder per label",
    (files) => files.some((file) => /\.(?:npz|npy|h5|hdf5|mat|pkl|lmdb)$/i.test(file))
  ],
  ["archives", "unpack them", (files) => files.some((file) => /\.(?:zip|tar|tgz|gz|7z|rar)$/i.test(file))]
]

const has = (value: unknown, ...keys: ReadonlyArray<string>) =>
  isFields(value) && keys.every((key) => value[key] !== undefined)

/** By the first row of a JSON file. */
const byRow: ReadonlyArray<readonly [tool: string, next: string, is: (row: unknown) => boolean]> = [
  ["LabelMe (a JSON file a picture)", coco, (row) => has(row, "shapes", "imagePath")],
  [
    "VIA",
    "export it as COCO",
    (row) =>
      has(row, "_via_img_metadata") || has(row, "regions", "filename") ||
      (isFields(row) && Object.values(row).slice(0, 1).some((first) => has(first, "regions", "filename")))
  ],
  ["Labelbox", "fetch the pictures, and convert the export to COCO", (row) => has(row, "data_row")],
  [
    "COCO results (what a model found, without the names of pictures and classes)",
    "true boxes come in an instances file, with \"images\", \"annotations\" and \"categories\"",
    (row) => has(row, "image_id", "category_id", "score")
  ],
  ["Supervisely", coco, (row) => has(row, "objects", "size")]
]

/** JSON files that are looked into. */
const most = 5

/** `YOLO (a text file a picture), which is not read: export it as COCO`; none where no tool is known by its files. */
export const named = Effect.fnUntraced(function*(root: string, files: ReadonlyArray<string>) {
  const path: Path.Path = yield* Path.Path
  const json = files.filter((file) => /\.(?:json|ndjson|jsonl)$/i.test(file)).slice(0, most)
  const heads = yield* Effect.forEach(json, (file): Effect.Effect<
    Option.Option<JsonHead.Head>,
    never,
    FileSystem.FileSystem
  > => Effect.option(JsonHead.read(path.join(root, file), "JSON")))
  const rows = heads.flatMap((head) => Option.toArray(Option.flatMap(head, ({ first }) => first)))
  const [tool, next] = byRow.find(([, , is]) => rows.some(is)) ?? byNames.find(([, , is]) => is(files)) ?? []
  return tool === undefined ? Option.none() : Option.some(`it looks like ${tool}, which is not read: ${next}`)
})
