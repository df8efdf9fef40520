/**
 * Which columns of a Parquet file are pictures and annotations, by what Hugging Face writes into the footer and,
 * without that, by their names and types.
 */
import { Option, Result } from "effect"
import type { FileMetaData, SchemaTree } from "hyparquet"
import { Json } from "../../kernels/weights/index.ts"
import { names } from "../Quoted.ts"
import * as Spelling from "../Spelling.ts"
import * as SplitColumn from "../SplitColumn.ts"
import { type Fields, isFields } from "./BoxForms.ts"
import * as Labels from "./Labels.ts"
import type { Hints } from "./Layout.ts"

export interface Columns {
  readonly image: string
  readonly annotation: string
  /** That of texts that may name the half of each row. */
  readonly split: Option.Option<string>
  readonly kind: "label" | "boxes"
  /** The names of the classes, in order of their numbers. */
  readonly classes: Option.Option<ReadonlyArray<string>>
  /** Whether labels are stored as whole numbers. */
  readonly numbered: boolean
  readonly notes: ReadonlyArray<string>
}

const parse = Option.liftThrowable(Json.parse)

/** The features that `datasets` describes a file by, by column. */
const featuresOf = ({ key_value_metadata: pairs = [] }: FileMetaData): Fields => {
  const text = pairs.find(({ key }) => key === "huggingface")?.value
  const json = Option.getOrUndefined(text === undefined ? Option.none() : parse(text))
  const info = isFields(json) ? json["info"] : undefined
  const features = isFields(info) ? info["features"] : undefined
  return isFields(features) ? features : {}
}

/** How deep features lie in one another. */
const deepest = 8

/** The first feature of a type in a feature: itself, an element of its list, a field of its struct. */
const within = (feature: unknown, type: string, depth = 0): Option.Option<Fields> => {
  if (depth > deepest) return Option.none()
  if (Array.isArray(feature)) return within(feature[0], type, depth + 1)
  if (!isFields(feature)) return Option.none()
  if (feature["_type"] === type) return Option.some(feature)
  return Option.firstSomeOf(Object.values(feature).map((inner) => within(inner, type, depth + 1)))
}

const classesOf = (feature: unknown): Option.Option<ReadonlyArray<string>> =>
  Option.flatMap(
    within(feature, "ClassLabel"),
    ({ names: found }) =>
      Array.isArray(found) && found.length > 0 && found.every((name) => typeof name === "string")
        ? Option.some(found.map((name) => Spelling.composed(String(name))))
        : Option.none()
  )

/** Names of the columns inside of a column, however deep. */
const innerNames = (tree: SchemaTree): ReadonlyArray<string> =>
  tree.children.flatMap((child) => [child.element.name, ...innerNames(child)])

const leaves = (tree: SchemaTree): ReadonlyArray<SchemaTree> =>
  tree.children.length === 0 ? [tree] : tree.children.flatMap(leaves)

const isWhole = ({ element: { converted_type: converted, type } }: SchemaTree) =>
  (type === "INT32" || type === "INT64") && converted !== "DECIMAL"

const imageNames = ["image", "images", "img", "picture", "photo", "pixel_values", "jpg", "png", "webp"]

/** Columns that hold pictures, the likelier first: bytes with a path, alone, or in a list. */
const imagesIn = (columns: ReadonlyArray<SchemaTree>, features: Fields): ReadonlyArray<string> => {
  const all = columns.map(({ element }) => element.name)
  const named = imageNames.filter((name) => all.includes(name))
  const typed = all.filter((name) => Option.isSome(within(features[name], "Image")))
  const bytes = columns.filter((column) => innerNames(column).includes("bytes")).map(({ element }) => element.name)
  const bare = columns.filter(({ children, element }) =>
    named.includes(element.name) && children.length === 0 && element.type === "BYTE_ARRAY"
  ).map(({ element }) => element.name)
  const found = new Set([...typed, ...bytes, ...bare])
  return [...named.filter((name) => found.has(name)), ...[...found].filter((name) => !named.includes(name))]
}

/** Columns that state the size of a picture that boxes were drawn in: width and height. */
export const sizeColumns: ReadonlyArray<string> = ["width", "height"]

const boxNames = new Set(["bbox", "bboxes", "box", "boxes", "bbox_2d", "bounding_box", "xyxy", "xywh"])

const isBoxes = (column: SchemaTree) => [column.element.name, ...innerNames(column)].some((name) => boxNames.has(name))

/** The column of labels: one with named classes first, then by its name, then the only one that is left. */
const labelIn = (others: ReadonlyArray<SchemaTree>, features: Fields, { labels }: Hints) => {
  const all = others.map(({ element }) => element.name)
  const classed = others.filter(({ element: { name } }) => Option.isSome(classesOf(features[name])))
  const plain = classed.filter((column) => !isBoxes(column)).map(({ element }) => element.name)
  const hinted = Option.getOrElse(labels, (): ReadonlyArray<string> => [])
  const meant = plain.filter((name) => {
    const classes = Option.getOrElse(classesOf(features[name]), (): ReadonlyArray<string> => [])
    return hinted.some((label) => classes.includes(label))
  })
  const candidates = meant.length > 0 ? meant : plain
  const [only] = candidates
  const usual = Labels.fields.find((name) => candidates.includes(name))
  if (candidates.length > 1 && usual === undefined) {
    return Result.fail(`classes in ${names(candidates)}: name the labels of one with --labels NAME,…`)
  }
  const boxes = others.filter(isBoxes).map(({ element }) => element.name)[0]
  const known = usual ?? only ?? boxes ?? Labels.fields.find((name) => all.includes(name))
  if (known !== undefined) return Result.succeed(known)
  const beside = ["id", "image_id", "index", "width", "height", "__index_level_0__", SplitColumn.column]
  const left = all.filter((name) => !beside.includes(name))
  return left.length === 1 && left[0] !== undefined
    ? Result.succeed(left[0])
    : Result.fail(`no column of labels among ${names(all)}: expected "label", or "objects" with boxes`)
}

/** The columns that matter. None where the file has no pictures; fails where it has no annotation that can be told. */
export const columns = (
  { metadata, schema }: { readonly metadata: FileMetaData; readonly schema: SchemaTree },
  hints: Hints
): Option.Option<Result.Result<Columns, string>> => {
  const features = featuresOf(metadata)
  const [image, ...more] = imagesIn(schema.children, features)
  if (image === undefined) return Option.none()
  const others = schema.children.filter(({ element: { name } }) => name !== image && !more.includes(name))
  return Option.some(Result.map(labelIn(others, features, hints), (annotation): Columns => {
    const tree = others.find(({ element }) => element.name === annotation)
    const classes = classesOf(features[annotation])
    const kind = tree !== undefined && isBoxes(tree) ? "boxes" : "label"
    const parts = tree === undefined ? [] : leaves(tree)
    // Numbers in a struct are a number per label.
    const isPlain = tree !== undefined && (tree.children.length === 0 || tree.element.converted_type === "LIST")
    const labels = kind === "boxes"
      ? parts.filter(({ path }) => path.some((name) => Labels.fields.includes(name)))
      : isPlain
      ? parts
      : []
    const rest = others.filter(({ element }) => element.name !== annotation)
    const texts = rest.filter(({ children, element }) => children.length === 0 && element.type === "BYTE_ARRAY")
    const split = Option.fromUndefinedOr(
      texts[SplitColumn.indexIn(texts.map(({ element }) => element.name))]?.element.name
    )
    const used = [...Option.toArray(split), ...kind === "boxes" ? sizeColumns : []]
    const left = rest.map(({ element }) => element.name).filter((name) => !used.includes(name))
    return {
      image,
      annotation,
      split,
      kind,
      classes,
      numbered: labels.some(isWhole),
      notes: [
        `pictures in "${image}", ${kind === "boxes" ? "boxes" : "labels"} in "${annotation}"`,
        ...(more.length > 0 ? [`other pictures are not used: ${names(more)}`] : []),
        ...(left.length > 0 ? [`other columns are not used: ${names(left)}`] : [])
      ]
    }
  }))
}
