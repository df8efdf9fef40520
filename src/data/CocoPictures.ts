/**
 * The pictures of a COCO file that has been parsed, each with the boxes that it is listed with.
 */
import { Effect, type FileSystem, Option, Path, Result, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import { sift } from "../dsl/Sift.ts"
import type { Sample } from "../dsl/Task.ts"
import * as BoxPlace from "./BoxPlace.ts"
import * as Entries from "./CocoAnnotations.ts"
import * as CocoFile from "./CocoFile.ts"
import * as Folder from "./Folder.ts"
import { inside, type Instance, type Instances, unlessCrowds } from "./Instances.ts"
import * as Rows from "./Rows.ts"

/** Options of `CocoInstances.read`. */
export interface Options extends Folder.Limits {
  /** Folder that file names are relative to. Default: the file's own. */
  readonly pictures?: string
}

const bad = (reason: string, detail: string) => Effect.fail<Rows.BadRow>({ reason, detail })

/** Sets aside annotations by their places. Fails where none is left. */
export const setAside = (
  file: string,
  { annotations }: CocoFile.Content,
  wrong: ReadonlyMap<number, Rows.BadRow>
): Effect.Effect<void, DataError> =>
  wrong.size === 0
    ? Effect.void
    : Stream.fromIterable(annotations).pipe(
      Stream.zipWithIndex,
      Stream.map(([, i]) => {
        const fault = wrong.get(i + 1)
        return { row: i + 1, read: fault === undefined ? Result.succeed([i]) : Result.fail(fault) }
      }),
      sift({ source: `${file}#annotations`, unit: "annotation" }),
      Stream.runDrain
    )

/** The annotations that no picture is set aside for are set aside themselves. Fails where none is usable. */
const reported = (file: string, content: CocoFile.Content, { aside, pictures, usable }: CocoFile.Sorted) => {
  const lost = usable > 0 ? [] : [...pictures.values()].flatMap((said) => said.lost)
  return setAside(file, content, new Map([...aside, ...lost.map(({ row, value }) => [row, value] as const)]))
}

/** The things of a picture, boxed inside it. Fails at the first that cannot be. */
const instancesOf = (
  { lost, things }: CocoFile.Said,
  names: ReadonlyMap<string, string>,
  picture: Folder.Picture
): Effect.Effect<ReadonlyArray<Instance>, Rows.BadRow> => {
  const { height, image, width } = picture
  const of = (row: number) => ({ detail, reason }: Rows.BadRow): Rows.BadRow => ({
    reason,
    detail: `${image.id}: annotation ${row}: ${detail}`
  })
  const [first] = lost.toSorted((a, b) => a.row - b.row)
  if (first !== undefined) {
    const { detail, reason } = of(first.row)(first.value)
    const more = `, and ${lost.length - 1} more of its ${lost.length + things.length} annotations`
    return bad(reason, lost.length > 1 ? detail + more : detail)
  }
  return Effect.forEach(
    things,
    ({ row, value: { box, category, crowd = false, frame = picture } }) =>
      (frame.width === width && frame.height === height
        ? inside(box, picture)
        : bad("size-mismatch", `a mask of ${frame.width} × ${frame.height} in a picture of ${width} × ${height}`)).pipe(
          Effect.mapBoth({
            onFailure: of(row),
            onSuccess: (within): Instance => ({
              box: within,
              label: names.get(category) ?? "",
              ...(crowd ? { crowd } : {})
            })
          })
        )
  ).pipe(Effect.flatMap((instances) => unlessCrowds(image.id, instances)))
}

/**
 * The ids under which a picture is listed with its size. Merged exports list one again under another id, with other
 * annotations or none; a listing of another size is set aside for that.
 */
const listings = (path: Path.Path, { images }: CocoFile.Content) => {
  const listed = images.flatMap((value) => Option.toArray(Result.getSuccess(Entries.picture(value))))
  const byPlace = Map.groupBy(listed, ({ name }) => Folder.spelt(path, name))
  const same = (a: Option.Option<number>, b: Option.Option<number>) =>
    Option.isNone(a) || Option.isNone(b) || a.value === b.value
  return ({ height, name, width }: Entries.Picture): ReadonlyArray<string> => [
    ...new Set(
      (byPlace.get(Folder.spelt(path, name)) ?? [])
        .filter((other) => same(width, other.width) && same(height, other.height))
        .map(({ id }) => id)
    )
  ]
}

/**
 * Fails where boxes leave their pictures as COCO writes them and fit as corners. A picture's size is the listed one:
 * pictures of another are set aside.
 */
const unambiguous = Effect.fnUntraced(function*(
  file: string,
  { images }: CocoFile.Content,
  { pictures }: CocoFile.Sorted,
  folder: Folder.Folder
) {
  const boxed: Array<{ readonly entry: Entries.Picture; readonly written: CocoFile.Said["things"] }> = []
  for (const value of images) {
    const entry = Entries.picture(value)
    if (Result.isFailure(entry)) continue
    const things = pictures.get(entry.success.id)?.things ?? []
    const written = things.filter((thing) => thing.value.isWritten)
    if (written.length > 0) boxed.push({ entry: entry.success, written })
    if (boxed.length === BoxPlace.looked) break
  }
  const seen = yield* Effect.forEach(boxed, ({ entry: { height, name, width }, written }) => {
    const listed = Option.all({ height, width })
    const size: Effect.Effect<Option.Option<BoxPlace.Size>> = Option.isSome(listed)
      ? Effect.succeed(listed)
      : Effect.option(folder.picture(name))
    return Effect.map(size, (known) =>
      Option.isNone(known)
        ? []
        : written.map(({ value }): BoxPlace.Seen => ({
          box: { numbers: value.box, form: "xywh" },
          size: known.value
        })))
  }, { concurrency: 16 })
  // Other forms nobody writes into COCO files: of a few boxes that reach over a side they may fit by chance.
  if (!BoxPlace.others(seen.flat(), false).includes("xyxy")) return
  return yield* new DataError({
    source: file,
    reason: `boxes in "bbox" leave their pictures as ${BoxPlace.words.xywh}, which COCO's are, and fit them as ` +
      `${BoxPlace.words.xyxy}: write them as the former, or cut them at the sides of their pictures where they are ` +
      "right as they are"
  })
})

/** The pictures of a file with what is in them, as `load` has parsed it. Reads nothing before it is run. */
export const of = (
  file: string,
  load: Effect.Effect<CocoFile.Content, DataError, FileSystem.FileSystem>,
  options: Options
): Dataset<Instances, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const path = yield* Path.Path
    const pictures = options.pictures ?? path.dirname(file)
    const folder = yield* Folder.open(pictures, "a folder with the pictures that the file names", options)
    const content = yield* load
    const sorted = CocoFile.sorted(content)
    yield* reported(file, content, sorted)
    yield* unambiguous(file, content, sorted, folder)
    const unlabelled = content.annotations.length === 0
    const annotated = [...sorted.pictures.values()].filter(({ lost, things }) => lost.length + things.length > 0).length
    const seen = new Set<string>()
    const idsOf = listings(path, content)

    const sample = (value: unknown): Effect.Effect<ReadonlyArray<Sample<Instances>>, Rows.BadRow | DataError> =>
      Effect.gen(function*() {
        const entry = yield* Effect.fromResult(Entries.picture(value))
        const { height, id, name, width } = entry
        const said = sorted.pictures.get(id) ?? { files: new Set(), things: [], lost: [] }
        if (said.files.size > 1) {
          const files = [...said.files].map((other) => `"${other}"`).join(" and ")
          return yield* bad("duplicate-image", `image ${id} is ${files}: whose its annotations are cannot be told`)
        }
        const ids = idsOf(entry)
        if (ids.length > 1) {
          return yield* bad(
            "duplicate-image",
            `${name} is listed as images ${ids.join(" and ")}: which of their annotations hold cannot be told`
          )
        }
        if (seen.has(id)) return yield* bad("duplicate-image", `image ${id} is listed twice`)
        seen.add(id)
        const picture = yield* folder.picture(name)
        // Boxes of another size would point elsewhere.
        const listed = {
          width: Option.getOrElse(width, () => picture.width),
          height: Option.getOrElse(height, () => picture.height)
        }
        const misfit = BoxPlace.misfit(listed, picture, "listed as")
        if (misfit !== undefined) return yield* bad("size-mismatch", `${name} is ${misfit}`)
        if (unlabelled) {
          const reason = "its \"annotations\" are empty: every picture would be taught as one with nothing in it"
          return yield* new DataError({ source: file, reason })
        }
        const instances = yield* instancesOf(said, content.names, picture)
        return [{ image: picture.image, truth: { width: picture.width, height: picture.height, instances } }]
      })

    return Stream.fromIterable(content.images).pipe(
      Stream.zipWithIndex,
      Stream.map(([value, i]) => ({ row: i + 1, read: sample(value) })),
      Rows.samples<Sample<Instances>>(`${file}#images`, "no images in it", {
        unit: "image",
        counts: ({ truth }) => truth.instances.length > 0,
        ...(!unlabelled && { unusable: () => `none of its ${annotated} pictures with annotations is usable` })
      })
    )
  }))
