/**
 * The ids that a COCO file has for pictures and categories: results are compared with it by them.
 */
import { Effect, type FileSystem, Option, Schema } from "effect"
import { basename } from "node:path"
import * as JsonText from "../../data/JsonText.ts"
import * as Spelling from "../../data/Spelling.ts"
import type { DataError } from "../../dsl/DataError.ts"
import { FlagError } from "../futile.ts"
import type { Row, Shape } from "./Row.ts"

const Id = Schema.Union([Schema.Finite, Schema.String])
/** An id as a file has it; a number, most often. */
export type Id = typeof Id.Type

/** What results are written with. */
export interface Ids {
  /** Of a picture, by its name. */
  readonly image: (name: string) => Option.Option<Id>
  /** Of a label. */
  readonly category: (label: string) => Option.Option<Id>
}

const File = Schema.Struct({
  images: Schema.Array(Schema.Struct({ id: Id, file_name: Schema.String })),
  categories: Schema.Array(Schema.Struct({ id: Id, name: Schema.String }))
})

const expected = "COCO's {\"images\": [{\"id\", \"file_name\"}, …], \"categories\": [{\"id\", \"name\"}, …]}"

/** The only id of a name: none where several have it. */
const only = (entries: ReadonlyArray<{ readonly id: Id }> | undefined): Id | undefined =>
  new Set(entries?.map(({ id }) => id)).size === 1 ? entries?.[0]?.id : undefined

/** The listed picture that a name is of: the same name, the end of it, or the only one of that file name. */
const pictureOf = (images: ReadonlyArray<typeof File.Type["images"][number]>) => {
  const byName = Map.groupBy(images, ({ file_name }) => Spelling.composed(file_name))
  const byBase = Map.groupBy(images, ({ file_name }) => Spelling.composed(basename(file_name)))
  return (name: string): Option.Option<Id> => {
    const parts = Spelling.composed(name).split("/")
    const ends = parts.map((_, i) => parts.slice(i).join("/"))
    const found = ends.find((end) => byName.has(end))
    return Option.fromUndefinedOr(only(found === undefined ? byBase.get(parts.at(-1) ?? "") : byName.get(found)))
  }
}

/** Reads the ids of these pictures and labels. Fails where the file has none for one of them. */
export const read = (
  file: string,
  names: ReadonlyArray<string>,
  { labels }: Shape
): Effect.Effect<Ids, DataError | FlagError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fail = (reason: string) => new FlagError({ reason: `--coco-ids ${file}: ${reason}` })
    const { categories, images } = yield* Effect.mapError(
      Schema.decodeUnknownEffect(File)(yield* JsonText.read(file, expected)),
      () => fail(`not in the expected form, ${expected}`)
    )
    const byName = Map.groupBy(categories, ({ name }) => Spelling.composed(name))
    const categoryOf = (label: string) => only(byName.get(Spelling.composed(label)))
    const unknown = labels.filter((label) => categoryOf(label) === undefined)
    if (unknown.length > 0) {
      return yield* fail(
        `it has no category "${unknown[0]}", or several of that name, which this task answers with${
          unknown.length > 1 ? `, nor ${unknown.length - 1} others` : ""
        }: give the labels as the file names them, --labels`
      )
    }
    const image = pictureOf(images)
    const missing = names.filter((name) => Option.isNone(image(name)))
    if (missing.length > 0) {
      return yield* fail(
        `it lists no picture ${missing[0]}, or several of that file name${
          missing.length > 1 ? `, nor ${missing.length - 1} others` : ""
        }: name pictures of the file alone`
      )
    }
    return { image, category: (label) => Option.fromUndefinedOr(categoryOf(label)) }
  })

/** The ids that a COCO file of these rows has: both from 1, pictures in the order of their answers. */
export const ofRows = (rows: ReadonlyArray<Pick<Row, "image" | "value">>, { labels }: Shape): Ids => {
  const answered = rows.filter(({ value }) => value !== null)
  const images = new Map(answered.map(({ image }, i) => [image, i + 1]))
  const categories = new Map(labels.map((label, i) => [label, i + 1]))
  return {
    image: (name) => Option.fromUndefinedOr(images.get(name)),
    category: (label) => Option.fromUndefinedOr(categories.get(label))
  }
}
