/**
 * A folder per label with its pictures inside, also below folders of its own, as torchvision walks them; perhaps in
 * halves, `train/` and `test/` or `val/`.
 */
import { Effect, FileSystem, Option, Path, Stream } from "effect"
import { DataError, type Dataset } from "../../dsl/Dataset.ts"
import * as Folder from "../Folder.ts"
import { unreadable } from "../Listing.ts"
import * as Quoted from "../Quoted.ts"
import * as Rows from "../Rows.ts"
import { oneHot } from "../Shares.ts"
import * as Walk from "../Walk.ts"
import * as Hinted from "./Hinted.ts"
import type { Classes, Hints, Layout } from "./Layout.ts"
import * as Names from "./Names.ts"
import * as Shelf from "./Shelf.ts"

/** The samples of a half; pictures of labels that are not asked for are set aside. */
const samples = (
  root: string,
  source: string,
  entries: ReadonlyArray<Shelf.Entry>,
  labels: ReadonlyArray<string>
): Dataset<ReadonlyArray<number>, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    const folder = yield* Folder.open(root, "a folder with one folder per label")
    const known = new Set(labels)
    const unknown = (file: string, label: string) =>
      Effect.fail<Rows.BadRow>({
        reason: "unknown-label",
        detail: `${file}: ${Quoted.quoted(label)} is none of the labels ${Quoted.names(labels)}`
      })
    return Stream.fromIterable(entries).pipe(
      Stream.zipWithIndex,
      Stream.map(([{ file, label }, i]) => ({
        row: i + 1,
        read: known.has(label)
          ? Effect.map(folder.picture(file), ({ image }) => [{ image, truth: oneHot(labels, label) }])
          : unknown(file, label)
      })),
      Rows.samples(source, "no pictures in its class folders", { unit: "picture" })
    )
  }))

/** The half to test on, and what to say of the others. */
const testOf = (
  shelves: ReadonlyMap<Names.Half, { readonly name: string; readonly shelf: Shelf.Shelf }>
): {
  readonly test: { readonly name: string; readonly shelf: Shelf.Shelf } | undefined
  readonly notes: ReadonlyArray<string>
} => {
  const labelled = (half: Names.Half) => {
    const found = shelves.get(half)
    return found !== undefined && found.shelf.labels.length > 0 ? found : undefined
  }
  const [test, val] = [labelled("test"), labelled("validation")]
  const heaps = [...shelves.values()].filter(({ shelf }) => shelf.labels.length === 0)
  return {
    test: test ?? val,
    notes: [
      ...test !== undefined && val !== undefined
        ? [
          `${test.name}/ is tested on, ${val.name}/ is left aside (${
            Quoted.count(val.shelf.entries.length, "picture")
          })`
        ]
        : [],
      ...test === undefined && val !== undefined ? [`${val.name}/ is tested on: there is no test/`] : [],
      ...heaps.map(({ name, shelf }) =>
        `${name}/ has no class folders (${Quoted.count(shelf.loose, "picture")}): left aside`
      )
    ]
  }
}

/** What two halves, or one, make. */
const classesOf = Effect.fnUntraced(function*(
  root: string,
  train: { readonly name: string; readonly shelf: Shelf.Shelf },
  test: { readonly name: string; readonly shelf: Shelf.Shelf } | undefined,
  hints: Hints,
  notes: ReadonlyArray<string>
) {
  const path = yield* Path.Path
  const found = train.shelf.labels
  const labels = Option.getOrElse(hints.labels, () => found)
  const missing = yield* Hinted.checked(root, found, hints, "has a folder, its class folders are")
  const untrained = (test?.shelf.labels ?? []).filter((label) => !labels.includes(label))
  const untested = test === undefined ? [] : labels.filter((label) => !test.shelf.labels.includes(label))
  const half = ({ name, shelf }: { readonly name: string; readonly shelf: Shelf.Shelf }) =>
    samples(root, name === "" ? root : path.join(root, name), shelf.entries, labels)
  const where = (name: string) => name === "" ? "" : `${name}/: `
  return {
    kind: "classes",
    layout: test === undefined ? "class folders" : "class folders in halves",
    single: true,
    labels,
    train: half(train),
    test: Option.map(Option.fromUndefinedOr(test), half),
    notes: [
      ...notes,
      ...Shelf.notesOn(where(train.name), train.shelf),
      ...test === undefined ? [] : Shelf.notesOn(where(test.name), test.shelf),
      ...missing,
      ...untested.length > 0 ? [`no picture to test on has the label ${Quoted.names(untested)}`] : [],
      ...Hinted.beyond(`${test?.name}/`, untrained, found, "picture"),
      ...Names.alike(labels)
    ]
  } satisfies Classes
})

/** `sun/1.png`, `rain/2.png`, perhaps below `train/` and `test/`. */
export const layout: Layout = {
  name: "class folders",
  example: "sun/1.png, rain/2.png: a folder per label, also as train/sun/1.png and test/sun/3.png",
  open: (directory, hints) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { type } = yield* fs.stat(directory)
      if (type !== "Directory") return Option.none()
      // As it was named: what is set aside is told under one name.
      const root = directory
      const { files, folders } = yield* Walk.list(root)
      const shelves = new Map<Names.Half, { readonly name: string; readonly shelf: Shelf.Shelf }>()
      for (const name of folders) {
        const half = Names.halfOf(name)
        // "val" and "valid" side by side: the first by name is the half.
        if (half !== undefined && !shelves.has(half)) shelves.set(half, { name, shelf: yield* Shelf.of(root, name) })
      }
      const train = shelves.get("train")
      if (train !== undefined && Shelf.isOne(train.shelf)) {
        const { notes, test } = testOf(shelves)
        const used = new Set([...shelves.values()].map(({ name }) => name))
        const beside = folders.filter((name) => !used.has(name))
        return Option.some(
          yield* classesOf(root, train, test, hints, [
            ...notes,
            ...beside.length > 0 ? [`beside the halves ${Quoted.names(beside)} left alone`] : [],
            ...Shelf.looseNotes("", "halves", files.filter(Walk.isPictureName).length),
            ...Walk.noPictures(files.filter((name) => !Walk.isPictureName(name)))
          ])
        )
      }
      const shelf = yield* Shelf.of(root, "")
      const inside = Shelf.halvesInside(shelf)
      if (Shelf.isOne(shelf) && inside.length > 1) {
        return yield* new DataError({
          source: directory,
          reason: `its class folders have ${Quoted.names(inside)} inside: put the halves outside, train/${
            shelf.labels[0]
          }/ and test/${shelf.labels[0]}/`
        })
      }
      return Shelf.isOne(shelf)
        ? Option.some(yield* classesOf(root, { name: "", shelf }, undefined, hints, []))
        : Option.none()
    }).pipe(Effect.catchTag("PlatformError", (error) => Effect.fail(unreadable(directory)(error))))
}
