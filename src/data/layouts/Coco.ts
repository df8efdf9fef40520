/**
 * COCO files beside their pictures: one `instances.json`, a file in each of Roboflow's folders, or COCO's own
 * `annotations/` and picture folders.
 *
 * A file whose annotations have categories and no boxes at all is read as labels of its pictures.
 */
import { Effect, type FileSystem, Option, Path, Predicate, Result, Stream } from "effect"
import { DataError, type Dataset } from "../../dsl/Dataset.ts"
import { sift } from "../../dsl/Sift.ts"
import * as Entries from "../CocoAnnotations.ts"
import * as CocoFile from "../CocoFile.ts"
import * as CocoPictures from "../CocoPictures.ts"
import type { Instances } from "../Instances.ts"
import * as Once from "../Once.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as CocoPlace from "./CocoPlace.ts"
import * as Found from "./Found.ts"
import * as Hinted from "./Hinted.ts"
import * as JsonFiles from "./JsonFiles.ts"
import type { Hints, Layout } from "./Layout.ts"
import * as Pictures from "./Pictures.ts"
import type { Part, Row } from "./Row.ts"

type Samples = Dataset<Instances, DataError, FileSystem.FileSystem | Path.Path>

interface Half {
  readonly file: string
  /** Parsed once for the layout and for the first pass over its pictures. */
  readonly content: Once.Once<CocoFile.Content, DataError, FileSystem.FileSystem>
  /** The classes of the file, and whether its annotations have no boxes. */
  readonly labels: ReadonlyArray<string>
  readonly isPlaceless: boolean
  /** What there is to say of how its annotations are marked. */
  readonly marks: ReadonlyArray<string>
  /** Those of `labels` that an annotation has. */
  readonly used: ReadonlyArray<string>
  /** The folder of its pictures. */
  readonly pictures: string
}

const isAbsent = (value: unknown) =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)

/** Whether there are annotations, and none of them says where. */
const isPlaceless = ({ annotations }: CocoFile.Content): boolean =>
  annotations.length > 0 &&
  annotations.every((entry) =>
    Predicate.hasProperty(entry, "category_id") && isAbsent(Reflect.get(entry, "bbox")) &&
    isAbsent(Reflect.get(entry, "segmentation"))
  )

/** Each picture with its categories, and by place the annotations that belong to no picture. */
const rowsOf = ({ annotations, images, names: categories }: CocoFile.Content) => {
  const labels = new Map<string, Map<string, number>>()
  const lost = new Map<number, BadRow>()
  const pictures = images.map(Entries.picture)
  const known = new Set(pictures.flatMap((picture) => Result.isSuccess(picture) ? [picture.success.id] : []))
  for (const [i, entry] of annotations.entries()) {
    const [image = "", category = ""] = ["image_id", "category_id"].map((key) =>
      Option.getOrElse(Entries.id(Predicate.hasProperty(entry, key) ? entry[key] : undefined), () => "")
    )
    if (!known.has(image)) {
      lost.set(i + 1, { reason: "unknown-image", detail: `image ${image === "" ? "?" : image} is not listed` })
      continue
    }
    const weights = labels.get(image) ?? new Map<string, number>()
    const label = categories.get(category) ?? category
    labels.set(image, weights.set(label, (weights.get(label) ?? 0) + 1))
  }
  const rows = pictures.map((picture, i): Row => {
    const weights = Result.isSuccess(picture) ? labels.get(picture.success.id) ?? new Map<string, number>() : new Map()
    return {
      row: i + 1,
      picture: Result.map(picture, ({ name }) => name),
      split: Option.none(),
      said: weights.size === 0
        ? Result.fail({ reason: "no-label", detail: "the image has no annotation" })
        : Result.succeed({ kind: "weights", told: weights.size === 1 ? "one" : "votes", weights })
    }
  })
  return { rows, lost }
}

/** Labels of pictures without boxes. */
const classes = Effect.fnUntraced(function*(
  root: string,
  train: Half,
  test: Option.Option<Half>,
  options: Pick<Found.Options, "hints" | "notes"> & { readonly order: ReadonlyArray<string> }
) {
  const path = yield* Path.Path
  const part = Effect.fnUntraced(function*({ content, file, pictures }: Half) {
    const rows = Stream.unwrap(Effect.flatMap(content.get, (found) => {
      const { lost, rows } = rowsOf(found)
      return Effect.as(CocoPictures.setAside(file, found, lost), Stream.fromIterable(rows))
    }))
    const find = yield* Pictures.open(root, path.relative(root, pictures))
    return { source: `${file}#images`, unit: "image", rows, release: content.release, find } satisfies Part
  })
  return yield* Found.make({
    ...options,
    layout: layout.name,
    train: yield* part(train),
    test: Option.isSome(test) ? Option.some(yield* part(test.value)) : Option.none(),
    spread: false,
    notes: [...options.notes, "no boxes in its annotations: their categories are read as labels"]
  })
})

/** Sets aside pictures with other labels than are asked for. */
const only = (labels: ReadonlyArray<string>, source: string) => (samples: Samples): Samples =>
  samples.pipe(
    Stream.zipWithIndex,
    Stream.map(([sample, i]) => {
      const other = sample.truth.instances.find(({ label = "" }) => !labels.includes(label))
      const detail = `${sample.image.id}: ${quoted(other?.label)}, expected one of ${names(labels)}`
      return {
        row: i + 1,
        read: other === undefined ? Result.succeed([sample]) : Result.fail({ reason: "unknown-label", detail })
      }
    }),
    sift({ source, unit: "picture" })
  )

/** Boxes of pictures, whose ids are paths from the root. */
const boxes = (root: string, path: Path.Path, { labels }: Hints) => ({ content, file, pictures }: Half): Samples => {
  const folder = path.relative(root, pictures)
  const read = CocoPictures.of(file, content.get, { pictures }).pipe(
    Stream.map(({ image, truth }) => ({ truth, image: { ...image, id: path.join(folder, image.id) } })),
    Stream.concat(Stream.drain(Stream.fromEffect(content.release)))
  )
  return Option.isSome(labels) ? only(labels.value, `${file}#labels`)(read) : read
}

export const layout: Layout = {
  name: "COCO",
  example: "instances.json beside its pictures, train/_annotations.coco.json, or annotations/instances_train2017.json",
  open: Effect.fnUntraced(function*(at, hints) {
    const path = yield* Path.Path
    const files = yield* JsonFiles.find(at, "coco", /^instances/)
    if (Option.isNone(files)) return Option.none()
    const { notes: said, root: folder, test: tested, train: trained } = files.value
    // Of a file that is named itself, pictures lie beside its folder.
    const root = path.basename(folder) === "annotations" ? path.dirname(folder) : folder
    const half = Effect.fnUntraced(function*(name: string) {
      const file = path.join(folder, name)
      const content = Once.make(CocoFile.load(file))
      const found = yield* content.get
      const pictures = yield* CocoPlace.find(file, found)
      const labels = CocoFile.labels(found)
      const used = CocoFile.used(found)
      return {
        ...{ file, content, pictures, labels },
        isPlaceless: isPlaceless(found),
        marks: CocoFile.notes(found),
        used: labels.filter((label) => used.has(label))
      } satisfies Half
    })
    const train = yield* half(trained)
    const test = Option.isSome(tested) ? Option.some(yield* half(tested.value)) : Option.none<Half>()
    const halves = [train, ...Option.toArray(test)]
    const order = [...new Set(halves.flatMap(({ labels }) => labels))]
    const places = halves.map(({ file, pictures }) =>
      `${path.relative(root, file)}: COCO, pictures in ${path.relative(root, pictures) || "its folder"}`
    )
    const notes = [...places, ...said]
    if (halves.every((half) => half.isPlaceless)) {
      return Option.some(yield* classes(root, train, test, { hints, notes, order }))
    }
    const unseen = yield* Hinted.checked(
      train.file,
      train.used,
      { ...hints, few: true },
      "is among its categories with annotations,"
    )
    const read = boxes(root, path, hints)
    return Option.some({
      kind: "boxes",
      layout: layout.name,
      labels: Option.getOrElse(hints.labels, () => order),
      train: read(train),
      test: Option.map(test, read),
      notes: [
        ...notes,
        ...halves.flatMap(({ file, marks }) => marks.map((note) => `${path.relative(root, file)}: ${note}`)),
        ...unseen
      ]
    })
  })
}
