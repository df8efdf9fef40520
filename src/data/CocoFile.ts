/**
 * A COCO file as a whole: its three lists, and which annotations belong to which picture.
 */
import { Effect, type FileSystem, Option, Predicate, Result } from "effect"
import { DataError } from "../dsl/DataError.ts"
import * as Entries from "./CocoAnnotations.ts"
import * as JsonText from "./JsonText.ts"
import * as Marks from "./Marks.ts"
import type { BadRow } from "./Rows.ts"

/** A file whose categories are read, and whose other entries are not. */
export interface Content {
  readonly images: ReadonlyArray<unknown>
  readonly annotations: ReadonlyArray<unknown>
  readonly categories: ReadonlyArray<Entries.Category>
  /** By id; several ids may have one name. */
  readonly names: ReadonlyMap<string, string>
}

const expected = "COCO instances: {\"images\": […], \"annotations\": […], \"categories\": […]}"

const unlabelled = ", and pictures without labels can be annotated, neither learned from nor measured on"

/** Reads a file. Fails where a list is missing, or its categories are no names. */
export const load = (file: string): Effect.Effect<Content, DataError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fail = (reason: string) => new DataError({ source: file, reason })
    const json = yield* JsonText.read(file, expected)
    const list = (name: string, without = ""): Effect.Effect<ReadonlyArray<unknown>, DataError> => {
      const found = Predicate.hasProperty(json, name) ? json[name] : undefined
      if (Array.isArray(found)) return Effect.succeed(found)
      const what = found === undefined ? `it has no "${name}"${without}` : `its "${name}" is no list`
      return Effect.fail(fail(`not in the expected form, ${expected}: ${Array.isArray(json) ? "it is a list" : what}`))
    }
    const images = yield* list("images")
    const annotations = yield* list("annotations", unlabelled)
    const categories = yield* Effect.forEach(yield* list("categories"), (value, i) =>
      Effect.fromResult(
        Result.mapError(Entries.category(value), (fault) => fail(`categories: entry ${i + 1} is ${fault}`))
      ))
    if (categories.length === 0) return yield* fail("its \"categories\" are empty, expected at least one")
    const names = new Map<string, string>()
    for (const { id, name } of categories) {
      const before = names.get(id) ?? name
      if (before !== name) return yield* fail(`categories: an id is listed twice: ${id} is "${before}" and "${name}"`)
      names.set(id, name)
    }
    return { images, annotations, categories, names }
  })

const idIn = (entry: unknown, key: "id" | "category_id"): Option.Option<string> =>
  Predicate.hasProperty(entry, key) ? Entries.id(entry[key]) : Option.none()

/** The names of the classes that annotations have. */
export const used = ({ annotations, names }: Content): ReadonlySet<string> =>
  new Set(
    annotations.flatMap((value) =>
      Option.toArray(Option.flatMapNullishOr(idIn(value, "category_id"), (id) => names.get(id)))
    )
  )

/**
 * The names of a file's classes in its order, each once: categories of one name are one class. A category that only
 * groups others and has no annotation, as Roboflow puts before its classes, is none.
 */
export const labels = ({ annotations, categories }: Content): ReadonlyArray<string> => {
  const used = new Set(annotations.flatMap((value) => Option.toArray(idIn(value, "category_id"))))
  const groups = ({ id, kindOf, name }: Entries.Category) =>
    Option.isNone(kindOf) && !used.has(id) &&
    categories.some((other) => other.id !== id && Option.contains(other.kindOf, name))
  const left = categories.filter((category) => !groups(category))
  return [...new Set(left.map(({ name }) => name))]
}

/** What there is to say of how annotations are marked, a line each. */
export const notes = ({ annotations }: Content): ReadonlyArray<string> => {
  const marks = Marks.counter()
  for (const annotation of annotations) {
    const read = Predicate.isObject(annotation) ? Marks.read(annotation) : Result.fail(undefined)
    if (Result.isSuccess(read)) marks.add(read.success)
  }
  return marks.notes()
}

/** Something at its place in the list of annotations, from 1. */
export interface Placed<out A> {
  readonly row: number
  readonly value: A
}

/** What a file says about a picture. */
export interface Said {
  /** The files that go by the picture's id: more than one where ids are mixed up. */
  readonly files: Set<string>
  readonly things: Array<Placed<Entries.Thing>>
  /** Annotations that cannot be read. */
  readonly lost: Array<Placed<BadRow>>
}

export interface Sorted {
  /** By id. */
  readonly pictures: ReadonlyMap<string, Said>
  /** By place, annotations that no picture is set aside for: of unknown pictures, boxes without area beside others. */
  readonly aside: ReadonlyMap<number, BadRow>
  /** Annotations that can be used. */
  readonly usable: number
}

/** Sorts annotations by picture. */
export const sorted = ({ annotations, images, names }: Content): Sorted => {
  const pictures = new Map<string, Said>()
  for (const image of images) {
    const id = idIn(image, "id")
    if (Option.isNone(id)) continue
    const said = pictures.get(id.value) ?? { files: new Set(), things: [], lost: [] }
    pictures.set(id.value, said)
    if (Predicate.hasProperty(image, "file_name")) said.files.add(String(image.file_name))
  }
  const aside = new Map<number, BadRow>()
  const empty = new Map<Said, Array<Placed<BadRow>>>()
  let usable = 0
  for (const [i, annotation] of annotations.entries()) {
    const row = i + 1
    const { picture, thing } = Entries.annotation(annotation, (id) => names.has(id))
    const said = Option.flatMapNullishOr(picture, (id) => pictures.get(id))
    if (Option.isNone(said)) {
      // Without an id it is a thing that could not be read.
      const known = Option.getOrElse(picture, () => "?")
      const unknown = { reason: "unknown-image", detail: `image ${known} is not listed` }
      aside.set(row, Option.isNone(picture) && Result.isFailure(thing) ? thing.failure : unknown)
    } else if (Result.isSuccess(thing)) {
      said.value.things.push({ row, value: thing.success })
      usable++
    } else if (thing.failure.reason === "degenerate-box") {
      const boxes = empty.get(said.value) ?? []
      empty.set(said.value, boxes)
      boxes.push({ row, value: thing.failure })
    } else {
      said.value.lost.push({ row, value: thing.failure })
    }
  }
  // A box without area beside others says nothing. Alone it says that something is there.
  for (const [said, boxes] of empty) {
    if (said.things.length === 0 || said.lost.length > 0) said.lost.push(...boxes)
    else for (const { row, value } of boxes) aside.set(row, value)
  }
  return { pictures, aside, usable }
}
