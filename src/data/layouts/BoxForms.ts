/**
 * Boxes as rows of JSON write them, and which numbers of a box mean what.
 *
 * The field says it: `bbox` and its kin are COCO's [x, y, width, height], `bbox_2d` (Qwen) and `xyxy` are corners,
 * `box_2d` (Gemini) corners in thousandths, top first. Objects name their numbers. `"bbox_format"` in a row goes before
 * all of these.
 */
import { Option, Result } from "effect"
import type { Xywh } from "../../kernels/math/Iou.ts"
import type { Form, Written } from "../BoxPlace.ts"
import { type Fields, isFields } from "../Fields.ts"
import * as Marks from "../Marks.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import { number } from "../Segmentation.ts"
import { folded } from "./Folded.ts"

export interface Box extends Marks.Marks, Written {
  /** Whether the user said which form it is, beyond the name of a field that is used in several ways. */
  readonly said: boolean
  readonly label: Option.Option<string>
  readonly field: string
  /** The size of the picture that it was drawn in, where its row states one. */
  readonly drawnIn?: { readonly width: number; readonly height: number }
}

export { type Fields, isFields }

/** Fields of boxes, their form, and whether their name leaves a doubt. */
const fields: ReadonlyMap<string, readonly [form: Form, said: boolean]> = new Map<string, readonly [Form, boolean]>([
  ...["bbox", "bboxes", "box", "boxes", "bounding_box", "bounding_boxes"].map((name) =>
    [name, ["xywh", false]] as const
  ),
  ...["bbox_2d", "bboxes_2d"].map((name) => [name, ["xyxy", false]] as const),
  ...["xyxy", "bbox_xyxy"].map((name) => [name, ["xyxy", true]] as const),
  ...["xywh", "bbox_xywh"].map((name) => [name, ["xywh", true]] as const),
  ["box_2d", ["yxyx", true]]
])

/** Fields whose objects hold a box each. */
const groups = ["objects", "annotations", "annotation", "detections", "instances", "regions"]

/** What `bbox_format` may say. */
const formats: ReadonlyMap<string, Form> = new Map([
  ["xywh", "xywh"],
  ["coco", "xywh"],
  ["xyxy", "xyxy"],
  ["pascal_voc", "xyxy"],
  ["cxcywh", "cxcywh"],
  ["yolo", "cxcywh"],
  ["thousandths", "thousandths"]
])

/** Names of a box's numbers, and their form. */
const named: ReadonlyArray<readonly [Form, ReadonlyArray<string>]> = [
  ["xywh", ["x", "y", "width", "height"]],
  ["xywh", ["x", "y", "w", "h"]],
  ["xywh", ["left", "top", "width", "height"]],
  ["cxcywh", ["cx", "cy", "w", "h"]],
  ["cxcywh", ["cx", "cy", "width", "height"]],
  ["cxcywh", ["xcenter", "ycenter", "width", "height"]],
  ["cxcywh", ["x_center", "y_center", "width", "height"]],
  ["xyxy", ["xmin", "ymin", "xmax", "ymax"]],
  ["xyxy", ["x_min", "y_min", "x_max", "y_max"]],
  ["xyxy", ["x1", "y1", "x2", "y2"]],
  ["xyxy", ["x0", "y0", "x1", "y1"]],
  ["xyxy", ["xtl", "ytl", "xbr", "ybr"]],
  ["xyxy", ["left", "top", "right", "bottom"]]
]

/** Names of four numbers that are a box. */
export const sides: ReadonlyArray<ReadonlyArray<string>> = named.map(([, numbers]) => numbers)

const labelFields = [
  ...["label", "labels", "category", "categories", "class", "classes", "name", "names"],
  ...["category_name", "class_name", "category_id", "class_id"]
]

/** Keys that are known however they are written. */
const keys: ReadonlySet<string> = new Set([
  ...[...fields.keys(), ...groups, ...labelFields, "bbox_format", "box_format"],
  ...named.flatMap(([, numbers]) => numbers)
])
const fold = (from: Fields): Fields => folded(from, keys)

/** A label that is a text, a number, or a list of one. */
const labelOf = (value: unknown): Option.Option<string> => {
  if (Array.isArray(value)) return value.length === 1 && !Array.isArray(value[0]) ? labelOf(value[0]) : Option.none()
  const text = typeof value === "string" || Number.isFinite(value) ? String(value).trim() : ""
  return text === "" ? Option.none() : Option.some(text)
}

const isThere = (value: unknown) => value !== undefined && value !== null

const firstOf = (from: Fields, keys: ReadonlyArray<string>): unknown => keys.map((key) => from[key]).find(isThere)

const sizeKeys = new Set(["width", "height"])

const quad = (values: ReadonlyArray<unknown>): Option.Option<Xywh> => {
  const [a, b, c, d] = values.map((value) => Option.getOrElse(number(value), () => NaN))
  return values.length === 4 && [a, b, c, d].every(Number.isFinite) ? Option.some([a!, b!, c!, d!]) : Option.none()
}

const bad = (detail: string) => Result.fail<BadRow>({ reason: "bad-annotation", detail })

const formatOf = (from: Fields): Result.Result<Option.Option<Form>, BadRow> => {
  const format = from["bbox_format"] ?? from["box_format"]
  if (format === undefined || format === null) return Result.succeed(Option.none())
  const form = typeof format === "string" ? formats.get(format.toLowerCase()) : undefined
  return form === undefined
    ? bad(`"bbox_format" is ${quoted(format)}, expected one of ${names([...formats.keys()])}`)
    : Result.succeed(Option.some(form))
}

/** One box: four numbers in a list, or named. None where it is neither. */
const single = (field: string, value: unknown, label: Option.Option<string>, format: Option.Option<Form>) => {
  const [form, said] = fields.get(field) ?? ["xywh", false]
  if (Array.isArray(value)) {
    return Option.map(quad(value), (numbers): Box => ({
      numbers,
      form: Option.getOrElse(format, () => form),
      said: said || Option.isSome(format),
      label,
      field
    }))
  }
  if (!isFields(value)) return Option.none()
  const plain = fold(value)
  return Option.firstSomeOf(
    named.map(([as, sides]) =>
      Option.map(
        quad(sides.map((name) => plain[name])),
        (numbers): Box => ({ numbers, form: as, said: true, label, field })
      )
    )
  )
}

const boxField = (from: Fields) => [...fields.keys()].find((key) => from[key] !== undefined && from[key] !== null)

/** An object that holds a box under a field, or its numbers. */
const element = (field: string, found: unknown, outer: Option.Option<Form>): Result.Result<Box, BadRow> =>
  Result.gen(function*() {
    const wrong = bad(`"${field}" holds ${quoted(found)}, expected a box: {"bbox": [x, y, width, height], "label": …}`)
    if (!isFields(found)) return yield* wrong
    const value = fold(found)
    const format = Option.orElse(yield* formatOf(value), () => outer)
    const key = boxField(value)
    const label = labelOf(firstOf(value, labelFields))
    const box = single(key ?? field, key === undefined ? value : value[key], label, format)
    return Option.isSome(box) ? { ...box.value, ...yield* Marks.read(value) } : yield* wrong
  })

/** The boxes under a field of boxes; their labels may stand in a list beside them. */
const under = (key: string, from: Fields, format: Option.Option<Form>): Result.Result<ReadonlyArray<Box>, BadRow> => {
  const value = from[key]
  const beside = firstOf(from, labelFields)
  const alone = single(key, value, labelOf(beside), format)
  const boxes = Option.isSome(alone) || !Array.isArray(value) ? 1 : value.length
  const marked = Marks.lists(from).find(({ length }) => length !== boxes)
  if (marked !== undefined) {
    const found = boxes === 1 ? "1 box" : `${boxes} boxes`
    return bad(`${found} in "${key}" beside ${marked.length} of "${marked.key}"`)
  }
  if (Option.isSome(alone)) return Result.map(Marks.read(from, 0), (marks) => [{ ...alone.value, ...marks }])
  const expected = "expected [x, y, width, height], or a list of these"
  if (!Array.isArray(value) || value.some(Number.isFinite)) return bad(`"${key}" is ${quoted(value)}, ${expected}`)
  if (value.length > 1 && Array.isArray(beside) && beside.length !== value.length) {
    return bad(`${value.length} boxes in "${key}" beside ${beside.length} labels`)
  }
  return Result.all(value.map((item, i) => {
    if (isFields(item) && (boxField(fold(item)) !== undefined || Option.isNone(labelOf(beside)))) {
      return element(key, item, format)
    }
    const label = Array.isArray(beside) ? labelOf(beside[i]) : labelOf(beside)
    return Option.match(single(key, item, label, format), {
      onNone: () => bad(`"${key}" holds ${quoted(item)}, ${expected}`),
      onSome: (box) => Result.map(Marks.read(from, i), (marks) => ({ ...box, ...marks }))
    })
  }))
}

const holdsBox = (value: unknown) =>
  isFields(value) &&
  (boxField(fold(value)) !== undefined || Option.isSome(single("", value, Option.none(), Option.none())))

/**
 * The box whose numbers stand in a row by themselves, beside its label. Where they are called `width` and `height` they
 * may as well be the size of the picture.
 */
const flat = (from: Fields, format: Option.Option<Form>): Option.Option<Result.Result<ReadonlyArray<Box>, BadRow>> => {
  const box = named.find(([, numbers]) => Option.isSome(quad(numbers.map((name) => from[name]))))
  if (box === undefined || Option.isNone(labelOf(firstOf(from, labelFields)))) return Option.none()
  const [form, found] = box
  return Option.some(
    found.includes("width")
      ? bad(
        `${names(found)} beside a label may be a box, or a place and the size of the picture: write a box as ` +
          `"bbox": [${found.join(", ")}]${form === "xywh" ? "" : ` with "bbox_format": "${form}"`}, or leave ${
            names(found.slice(0, 2))
          } out`
      )
      : Result.map(element(found.join(", "), from, format), (box) => [box])
  )
}

/** The field whose objects, or whose object of lists, hold the boxes of a row. */
const groupOf = (from: Fields): string | undefined =>
  groups.find((group) => {
    const value = from[group]
    return Array.isArray(value)
      ? value.length === 0 || value.some(holdsBox)
      : isFields(value) && boxField(fold(value)) !== undefined
  })

/** Whether a field of a row with boxes is read, by its name in small letters. */
export const isRead = (row: Fields): (key: string) => boolean => {
  const from = fold(row)
  const key = boxField(from)
  const group = key === undefined ? groupOf(from) : undefined
  const about = ["bbox_format", "box_format", ...sizeKeys]
  if (group !== undefined) return (name) => name === group || about.includes(name)
  const label = labelFields.find((name) => isThere(from[name]))
  const place = key === undefined
    ? named.find(([, numbers]) => Option.isSome(quad(numbers.map((name) => from[name]))))?.[1] ?? []
    : [key]
  return (name) => name === label || place.includes(name) || about.includes(name) || Marks.isKey(name)
}

/** The boxes of a row and the field that they stand in; none where it has no field of boxes. */
export const read = (row: Fields): Option.Option<Result.Result<ReadonlyArray<Box>, BadRow>> => {
  const from = fold(row)
  const format = formatOf(from)
  if (Result.isFailure(format)) return Option.some(Result.fail(format.failure))
  const key = boxField(from)
  if (key !== undefined) return Option.some(under(key, from, format.success))
  const group = groupOf(from)
  const value = group === undefined ? undefined : from[group]
  if (group !== undefined && Array.isArray(value)) {
    return Option.some(Result.all(value.map((item) => element(group, item, format.success))))
  }
  if (isFields(value)) {
    const inside = fold(value)
    const inner = boxField(inside)
    if (inner !== undefined) return Option.some(under(inner, inside, format.success))
  }
  return flat(from, format.success)
}

/** The size of its picture that a row states. */
const sizeIn = ({ height, width }: Fields): Box["drawnIn"] => {
  const [across = 0, down = 0] = [width, height].map((side) => Option.getOrElse(number(side), () => 0))
  const isSize = [across, down].every((side) => Number.isInteger(side) && side > 0)
  return isSize ? { width: across, height: down } : undefined
}

/** Boxes with the size of their picture, where their row states one. */
export const sized = (boxes: ReadonlyArray<Box>, row: Fields): ReadonlyArray<Box> => {
  const drawnIn = sizeIn(folded(row, sizeKeys))
  return drawnIn === undefined ? boxes : boxes.map((box) => ({ ...box, drawnIn }))
}
