/**
 * The entries of a COCO file as pycocotools and the exporters mean them.
 *
 * Ids compare as text: one side may hold `1`, the other `"1"`. `iscrowd` may be a boolean, null or missing. A box may
 * be an object, or missing beside a segmentation, whose extent it is then. A size that is missing, null or 0 is
 * unknown.
 */
import { Option, Predicate, Result, Schema } from "effect"
import type { Xywh } from "../kernels/math/Iou.ts"
import * as BoxPlace from "./BoxPlace.ts"
import { type Fields, isFields } from "./Fields.ts"
import * as Marks from "./Marks.ts"
import { quoted } from "./Quoted.ts"
import type { BadRow } from "./Rows.ts"
import * as Segmentation from "./Segmentation.ts"
import * as Spelling from "./Spelling.ts"

const whole = /^[-+]?\d+\.0+$/

/** What an id is compared as; none where it is no id. Tables write whole numbers as `1.0`. */
export const id = (value: unknown): Option.Option<string> => {
  if (typeof value === "number") return Option.some(String(value))
  if (typeof value !== "string" || value.trim() === "") return Option.none()
  const text = value.trim()
  return Option.some(whole.test(text) ? text.slice(0, text.indexOf(".")) : text)
}

export interface Picture {
  readonly id: string
  readonly name: string
  /** In pixels, as listed; none where that is unknown. */
  readonly width: Option.Option<number>
  readonly height: Option.Option<number>
}

const bad = (reason: string, detail: string): Result.Result<never, BadRow> => Result.fail({ reason, detail })

const side = (name: string, value: unknown): Result.Result<Option.Option<number>, BadRow> => {
  if (value === undefined || value === null) return Result.succeed(Option.none())
  const pixels = Segmentation.number(value)
  return Option.isSome(pixels) && Number.isInteger(pixels.value) && pixels.value >= 0
    ? Result.succeed(Option.filter(pixels, (known) => known > 0))
    : bad("bad-image-entry", `"${name}" is ${quoted(value)}, expected pixels`)
}

// Not a schema of records, which copies each of a million annotations.
const fieldsIn = Option.liftPredicate(isFields)

const fieldsOf = (value: unknown, reason: string): Result.Result<Fields, BadRow> =>
  Result.fromOption(fieldsIn(value), () => ({ reason, detail: `${quoted(value)}, expected an object` }))

/** An entry of `images`. */
export const picture = (value: unknown): Result.Result<Picture, BadRow> =>
  Result.gen(function*() {
    const wrong = (field: string, found: unknown, expected: string) =>
      bad("bad-image-entry", `"${field}" is ${quoted(found)}, expected ${expected}`)
    const { file_name: name, height, id: given, width } = yield* fieldsOf(value, "bad-image-entry")
    const key = id(given)
    if (Option.isNone(key)) return yield* wrong("id", given, "a number or a text")
    if (typeof name !== "string") return yield* wrong("file_name", name, "the name of a file")
    // Written on Windows: no exporter means the separator as a part of a name.
    return {
      id: key.value,
      name: name.replaceAll("\\", "/"),
      width: yield* side("width", width),
      height: yield* side("height", height)
    }
  })

/** An annotation that can be read. */
export interface Thing extends Segmentation.Extent, Marks.Marks {
  readonly category: string
  /** Whether its box is "bbox" as it stands, rather than an extent or a turned one. */
  readonly isWritten: boolean
}

/** The names that objects have for what a list holds in this order. */
const boxKeys = [["x", "left"], ["y", "top"], ["width", "w"], ["height", "h"]] as const

const isBox = Schema.is(Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite, Schema.Finite]))

/** `[x, y, width, height]`, or an object with these. */
const boxOf = (value: unknown): Option.Option<Xywh> => {
  const fields = Array.isArray(value)
    ? value
    : boxKeys.map((keys) => keys.flatMap((key) => Predicate.hasProperty(value, key) ? [value[key]] : [])[0])
  return Option.filter(Option.all(fields.map(Segmentation.number)), isBox)
}

const isAbsent = (value: unknown) =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)

const hasArea = ([, , w, h]: Xywh) => w > 0 && h > 0

/** Where an annotation is: its box or, where it has none or an empty one, the extent of its segmentation. */
const extentOf = (
  { bbox, segmentation }: Fields
): Result.Result<Segmentation.Extent & { readonly isWritten?: boolean }, BadRow> => {
  if (isAbsent(bbox)) {
    return isAbsent(segmentation)
      ? bad("no-box", "neither a \"bbox\" nor a \"segmentation\"")
      : Result.mapError(Segmentation.extent(segmentation), (fault): BadRow => ({
        reason: "no-box",
        detail: `no "bbox", and "segmentation" is ${quoted(segmentation)}: ${fault}`
      }))
  }
  const box = boxOf(bbox)
  if (Option.isNone(box) || box.value[2] < 0 || box.value[3] < 0) {
    return bad("bad-annotation", `"bbox" is ${quoted(bbox)}, expected [x, y, width, height]`)
  }
  if (BoxPlace.areShares(box.value)) {
    return bad("bad-annotation", `"bbox" is ${quoted(bbox)}, in shares of the sides: expected pixels, as COCO has them`)
  }
  if (hasArea(box.value) || isAbsent(segmentation)) return Result.succeed({ box: box.value, isWritten: true })
  const drawn = Option.filter(Result.getSuccess(Segmentation.extent(segmentation)), (found) => hasArea(found.box))
  return Result.succeed(Option.getOrElse(drawn, () => ({ box: box.value })))
}

/** CVAT's turned boxes: the upright one is turned clockwise about its middle, by degrees in the attributes. */
const turnOf = ({ attributes }: Fields): Result.Result<number, BadRow> => {
  const rotation = Predicate.hasProperty(attributes, "rotation") ? attributes.rotation : undefined
  if (isAbsent(rotation)) return Result.succeed(0)
  const degrees = Segmentation.number(rotation)
  return Option.isSome(degrees) && Number.isFinite(degrees.value)
    ? Result.succeed(degrees.value)
    : bad("bad-annotation", `"rotation" in its attributes is ${quoted(rotation)}, expected degrees`)
}

/** The upright box around a turned one. */
const turned = ([x, y, w, h]: Xywh, degrees: number): Xywh => {
  const [cos, sin] = [Math.abs(Math.cos(degrees * Math.PI / 180)), Math.abs(Math.sin(degrees * Math.PI / 180))]
  const [width, height] = [w * cos + h * sin, w * sin + h * cos]
  return [x + (w - width) / 2, y + (h - height) / 2, width, height]
}

/** An entry of `annotations`: the picture that it is of, as far as that can be read, and what it says. */
export const annotation = (
  value: unknown,
  isCategory: (id: string) => boolean
): { readonly picture: Option.Option<string>; readonly thing: Result.Result<Thing, BadRow> } => {
  const entry = fieldsOf(value, "bad-annotation")
  return {
    picture: Option.flatMap(Result.getSuccess(entry), ({ image_id }) => id(image_id)),
    thing: Result.gen(function*() {
      const fields = yield* entry
      const { category_id, image_id } = fields
      if (Option.isNone(id(image_id))) {
        return yield* bad("bad-annotation", `"image_id" is ${quoted(image_id)}, expected the id of an image`)
      }
      const category = id(category_id)
      if (Option.isNone(category)) {
        return yield* bad("bad-annotation", `"category_id" is ${quoted(category_id)}, expected the id of a category`)
      }
      if (!isCategory(category.value)) return yield* bad("unknown-category", `category ${category.value} is not listed`)
      const marks = yield* Marks.read(fields)
      const upright = yield* extentOf(fields)
      const degrees = yield* turnOf(fields)
      const extent = degrees === 0 || isAbsent(fields["bbox"])
        ? upright
        : { ...upright, isWritten: false, box: turned(upright.box, degrees) }
      return hasArea(extent.box)
        ? { category: category.value, isWritten: false, ...marks, ...extent }
        : yield* bad("degenerate-box", `its box [${extent.box.join(", ")}] has no area`)
    })
  }
}

/** A class of things. */
export interface Category {
  readonly id: string
  readonly name: string
  /** The category that it is a kind of, where it says so. */
  readonly kindOf: Option.Option<string>
}

/** Tables write names that are numbers as numbers. */
const decodeText = (value: unknown): Option.Option<string> =>
  typeof value === "string" || typeof value === "number" ? Option.some(String(value).trim()) : Option.none()

/** An entry of `categories`. Fails with what is wrong with it. */
export const category = (value: unknown): Result.Result<Category, string> => {
  const { id: given, name, supercategory } = Option.getOrElse(fieldsIn(value), (): Fields => ({}))
  const key = id(given)
  const text = Option.filter(decodeText(name), (found) => found !== "")
  return Option.isNone(key) || Option.isNone(text)
    ? Result.fail(`${quoted(value)}, expected {"id": …, "name": "…"}`)
    : Result.succeed({
      id: key.value,
      name: Spelling.composed(text.value),
      kindOf: Option.map(
        Option.filter(decodeText(supercategory), (found) => found !== "" && found !== "none"),
        Spelling.composed
      )
    })
}
