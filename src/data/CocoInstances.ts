/**
 * COCO's instances files: `{"images": […], "annotations": […], "categories": […]}` beside a folder of pictures.
 *
 * The file is read whole, pictures are not. A picture without annotations is a sample with nothing in it. Crowds are kept and
 * marked. What is wrong with one picture or one box is set aside alone.
 */
import { Effect, FileSystem, Path, Predicate, Schema, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Folder from "./Folder.ts"
import { inside, type Instance, type Instances } from "./Instances.ts"
import * as JsonText from "./JsonText.ts"
import * as Rows from "./Rows.ts"

export interface Options extends Folder.Limits {
  /** Folder that file names are relative to. Default: the file's own. */
  readonly pictures?: string
}

const Side = Schema.Int.check(Schema.isGreaterThan(0))
const File = Schema.Struct({ images: Schema.Array(Schema.Unknown), annotations: Schema.Array(Schema.Unknown), categories: Schema.Array(Schema.Unknown) })
const Category = Schema.Struct({ id: Schema.Int, name: Schema.NonEmptyString })
const Picture = Schema.Struct({ id: Schema.Int, file_name: Schema.String, width: Side, height: Side })
const Annotation = Schema.Struct({
  image_id: Schema.Int,
  category_id: Schema.Int,
  bbox: Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite, Schema.Finite]),
  iscrowd: Schema.optionalKey(Schema.Literals([0, 1]))
})

const decodePicture = Rows.decode(Picture, "bad-image-entry")
const decodeAnnotation = Rows.decode(Annotation, "bad-annotation")

const expected = "COCO instances: {\"images\": […], \"annotations\": […], \"categories\": […]}"

/** A file as it was read: names of categories, and annotations by picture with their place in the file. */
interface Content {
  readonly pictures: ReadonlyArray<unknown>
  readonly names: ReadonlyMap<number, string>
  readonly byPicture: ReadonlyMap<number, ReadonlyArray<{ readonly entry: typeof Annotation.Type; readonly row: number }>>
}

const load = (file: string): Effect.Effect<Content, DataError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fail = (reason: string) => new DataError({ source: file, reason })
    const json = yield* JsonText.read(file, expected)
    const { annotations, categories, images } = yield* Schema.decodeUnknownEffect(File)(json).pipe(
      Effect.mapError(() => fail(`not in the expected form, ${expected}`))
    )
    const known = yield* Schema.decodeUnknownEffect(Schema.Array(Category))(categories).pipe(
      Effect.mapError((error) => fail(`categories: ${error.message}`))
    )
    const names = new Map(known.map(({ id, name }) => [id, name]))
    if (names.size < known.length) return yield* fail("categories: an id is listed twice")
    const ids = new Set(images.flatMap((image) => Predicate.hasProperty(image, "id") && typeof image.id === "number" ? [image.id] : []))
    const byPicture = new Map<number, Array<{ readonly entry: typeof Annotation.Type; readonly row: number }>>()
    yield* Effect.forEach(annotations, (value, i) =>
      decodeAnnotation(value).pipe(
        Effect.filterOrFail(
          ({ category_id }) => names.has(category_id),
          ({ category_id }): Rows.BadRow => ({ reason: "unknown-category", detail: `category ${category_id}` })
        ),
        Effect.filterOrFail(({ image_id }) => ids.has(image_id), ({ image_id }): Rows.BadRow => ({ reason: "unknown-image", detail: `image ${image_id}` })),
        Effect.matchEffect({
          onFailure: (bad) => Rows.setAside(`${file}#annotations`, i + 1, bad),
          onSuccess: (entry) =>
            Effect.sync(() => {
              const all = byPicture.get(entry.image_id) ?? []
              byPicture.set(entry.image_id, all)
              all.push({ entry, row: i + 1 })
            })
        })
      ), { discard: true })
    return { pictures: images, names, byPicture }
  })

/**
 * The pictures of an instances file with what is in them. Image ids are file names.
 *
 * ```ts
 * CocoInstances.read("coco/annotations/instances_val2017.json", { pictures: "coco/val2017" })
 * ```
 */
export const read = (file: string, options: Options = {}): Dataset<Instances, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    const folder = yield* Folder.open(options.pictures ?? path.dirname(file), "a folder with the pictures that the file names", options)
    const { byPicture, names, pictures } = yield* load(file)
    const seen = new Set<number>()

    const sample = (value: unknown): Effect.Effect<ReadonlyArray<Sample<Instances>>, Rows.BadRow | DataError> =>
      Effect.gen(function*() {
        const entry = yield* decodePicture(value)
        const { file_name: name, height, id, width } = entry
        const bad = (reason: string, detail: string) => Effect.fail<Rows.BadRow>({ reason, detail })
        if (seen.has(id)) return yield* bad("duplicate-image", `image ${id} is listed twice`)
        seen.add(id)
        const picture = yield* folder.picture(name)
        // Boxes of another size would point elsewhere.
        if (picture.width !== width || picture.height !== height) {
          return yield* bad("size-mismatch", `${name} is ${picture.width} × ${picture.height}, listed as ${width} × ${height}`)
        }
        const instances = yield* Effect.forEach(byPicture.get(id) ?? [], ({ entry: { bbox, category_id, iscrowd }, row }) =>
          Effect.matchEffect(inside(bbox, entry), {
            onFailure: (fault) => Effect.as(Rows.setAside(`${file}#annotations`, row, fault), []),
            onSuccess: (box): Effect.Effect<ReadonlyArray<Instance>> =>
              Effect.succeed([{ box, label: names.get(category_id) ?? "", ...(iscrowd === 1 ? { crowd: true } : {}) }])
          }))
        return [{ image: picture.image, truth: { width, height, instances: instances.flat() } }]
      })

    return Stream.fromIterable(pictures).pipe(
      Stream.zipWithIndex,
      Stream.map(([value, i]) => ({ row: i + 1, read: sample(value) })),
      Rows.samples(`${file}#images`, "no images in it")
    )
  }))

/** The names of an instances file's categories, in the file's order. */
export const labels = (file: string): Effect.Effect<ReadonlyArray<string>, DataError, FileSystem.FileSystem> =>
  Effect.map(load(file), ({ names }) => [...names.values()])
