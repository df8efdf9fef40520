/**
 * JSON lines or a JSON array whose rows name a picture and hold a label, shares of labels, or boxes.
 *
 * ```json
 * {"image": "1.png", "label": "sun"}
 * {"image": "2.png", "label": {"sun": 0.7, "rain": 0.3}}
 * {"image": "3.png", "objects": [{"bbox": [5, 6, 10, 12], "label": "cup"}]}
 * ```
 *
 * Fields are found by their names; a label also where it is the only other field, and shares where all others are
 * numbers. An object a line is streamed, an array is read whole, up to 500 MiB.
 */
import { Option, Result } from "effect"
import type * as JsonRows from "../JsonRows.ts"
import * as PictureName from "../PictureName.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import { number } from "../Segmentation.ts"
import * as SplitColumn from "../SplitColumn.ts"
import * as BoxForms from "./BoxForms.ts"
import { folded } from "./Folded.ts"
import * as JsonFiles from "./JsonFiles.ts"
import * as JsonLayout from "./JsonLayout.ts"
import * as Labels from "./Labels.ts"
import * as Names from "./Names.ts"
import type { Row } from "./Row.ts"

type Fields = BoxForms.Fields

/** Fields that say something of a picture or of its row, and never what is in it. */
const about = new Set([
  ...JsonFiles.pictureFields,
  ...["split", "id", "image_id", "idx", "index", "width", "height", "size", "source", "dataset", "bbox_format"]
])

/** Fields that are known by their names, however these are written. */
const known: ReadonlySet<string> = new Set([...about, ...Labels.fields, "objects"])

const isThere = (value: unknown) => value !== undefined && value !== null

/** The name of a row's picture. */
export const pictureOf = (fields: Fields): Result.Result<string, BadRow> => {
  const key = JsonFiles.pictureFields.find((name) => isThere(fields[name]))
  const found = Object.keys(fields)
  return key === undefined
    ? Result.fail({
      reason: "no-image",
      detail: `no picture is named, expected "image": found ${found.length === 0 ? "no field" : names(found)}`
    })
    : PictureName.read(key, fields[key])
}

/** The half that a row names. */
export const splitOf = ({ split }: Fields): Option.Option<string> =>
  typeof split === "string" && split.trim() !== "" ? Option.some(split) : Option.none()

/** The field that is called as labels are. */
const labelKey = (fields: Fields): string | undefined =>
  Labels.fields.find((name) => isThere(fields[name])) ?? Labels.fields.find((name) => name in fields)

/** Fields that may be labels where none is called so: no places and no sizes. */
const perhaps = (fields: Fields) =>
  Object.entries(fields).filter(([name, value]) =>
    !about.has(name) && !(Names.isMeasure(name) && Option.isSome(number(value)))
  )

const labelsOf = (fields: Fields): Row["said"] => {
  const key = labelKey(fields)
  if (key !== undefined) return Labels.read(key, fields[key])
  const others = perhaps(fields)
  const [only] = others
  if (others.length === 1 && only !== undefined) return Labels.read(...only)
  if (others.length > 1 && others.every(([, value]) => typeof value === "number")) {
    return Labels.read("label", Object.fromEntries(others))
  }
  const beside = Object.keys(fields).filter((name) => !about.has(name))
  const found = beside.length === 0 ? "nothing beside the picture" : names(beside)
  return Result.fail({ reason: "no-label", detail: `expected "label", or boxes in "objects": found ${found}` })
}

/** Boxes of CreateML: a row's "annotations", with the middle of a box as its place. */
const isCreateMl = ({ annotations }: Fields): boolean =>
  Array.isArray(annotations) &&
  annotations.some((one) => BoxForms.isFields(one) && BoxForms.isFields(one["coordinates"]))

/** What a row says. */
export const saidIn = (fields: Fields): Row["said"] =>
  isCreateMl(fields) ?
    Result.fail({
      reason: "create-ml",
      detail:
        "it looks like CreateML, whose coordinates are the middle of a box, and which is not read: export it as COCO"
    }) :
    Option.match(BoxForms.read(fields), {
      onNone: () => labelsOf(fields),
      onSome: Result.map((boxes) => ({ kind: "boxes", boxes: BoxForms.sized(boxes, fields) }))
    })

/** Which fields of a row that is read something is read from. */
const keysOf = (fields: Fields, { kind }: { readonly kind: "boxes" | "weights" }): NonNullable<Row["keys"]> => {
  const picture = JsonFiles.pictureFields.find((name) => isThere(fields[name]))
  const label = labelKey(fields)
  const labels = label === undefined ? perhaps(fields).map(([name]) => name) : [label]
  const isBoxes = kind === "boxes" ? BoxForms.isRead(fields) : undefined
  const isRead = (name: string) =>
    name === picture || name === SplitColumn.column ||
    (isBoxes === undefined ? labels.includes(name) : isBoxes(name.toLowerCase()))
  const { left = [], read = [] } = Object.groupBy(Object.keys(fields), (name) => isRead(name) ? "read" : "left")
  return { left, read }
}

const rowOf = ({ row, value }: JsonRows.Row): Row => {
  const fields = Result.flatMap(value, (found): Result.Result<Fields, BadRow> =>
    BoxForms.isFields(found)
      ? Result.succeed(folded(found, known))
      : Result.fail({
        reason: "not-an-object",
        detail: `${quoted(found)}, expected an object with a picture and a label`
      }))
  const said = Result.flatMap(fields, saidIn)
  return {
    row,
    picture: Result.flatMap(fields, pictureOf),
    split: Option.flatMap(Result.getSuccess(fields), splitOf),
    said,
    ...Option.match(Result.getSuccess(Result.all([fields, said])), {
      onNone: () => ({}),
      onSome: ([fields, said]) => ({ keys: keysOf(fields, said) })
    })
  }
}

export const layout = JsonLayout.make({
  name: "JSON rows",
  example:
    "data.jsonl or data.json: {\"image\": \"1.png\", \"label\": \"sun\"}, {…: {\"sun\": 0.7, \"rain\": 0.3}} or boxes",
  kind: "rows",
  read: rowOf,
  spread: true,
  note: (files) => `${files.join(" and ")}: a picture a row`
})
