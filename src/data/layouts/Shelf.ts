/**
 * What lies in a folder of class folders.
 */
import { Effect, Option, Path } from "effect"
import * as Quoted from "../Quoted.ts"
import * as Spelling from "../Spelling.ts"
import * as Walk from "../Walk.ts"
import * as Names from "./Names.ts"

/** A picture by its path from the data set's folder, and the folder it lies in. */
export interface Entry {
  readonly file: string
  readonly label: string
}

/** What lies in the class folders of a folder. */
export interface Shelf {
  readonly entries: ReadonlyArray<Entry>
  /** Folders with pictures. */
  readonly labels: ReadonlyArray<string>
  readonly empty: ReadonlyArray<string>
  /** Pictures beside the class folders. */
  readonly loose: number
  /** Files in class folders that are no pictures. */
  readonly others: ReadonlyArray<string>
  /** The same beside class folders. */
  readonly beside: ReadonlyArray<string>
}

/** Looks through the folders of `half`, a path from `root`. */
export const of = Effect.fnUntraced(function*(root: string, half: string) {
  const path = yield* Path.Path
  const here = yield* Walk.list(path.join(root, half))
  const classes = yield* Effect.forEach(
    here.folders,
    (name) =>
      Effect.map(Walk.files(path.join(root, half, name)), (files) => {
        const label = Spelling.composed(name)
        return {
          label,
          others: files.filter((file) => !Walk.isPicture(file)).map((file) => path.join(name, file)),
          entries: files.filter(Walk.isPicture).map((file): Entry => ({ label, file: path.join(half, name, file) }))
        }
      })
  )
  const filled = new Set(classes.flatMap(({ entries, label }) => entries.length > 0 ? [label] : []))
  const shelf: Shelf = {
    entries: classes.flatMap(({ entries }) => entries),
    labels: Names.sorted([...filled]),
    empty: classes.flatMap(({ label }) => filled.has(label) ? [] : [label]),
    loose: here.files.filter(Walk.isPictureName).length,
    others: classes.flatMap(({ others }) => others),
    beside: here.files.filter((name) => !Walk.isPictureName(name))
  }
  return shelf
})

/**
 * What to say of a folder whose pictures have one label between them, perhaps in halves; none where that is not so, or
 * where there is more than pictures.
 */
export const onlyLabel = Effect.fnUntraced(function*(root: string) {
  const { folders } = yield* Walk.list(root)
  const halves = folders.filter((name) => Names.halfOf(name) !== undefined)
  const shelves = yield* Effect.forEach(halves.length > 0 ? halves : [""], (half) => of(root, half))
  const [label, ...more] = new Set(shelves.flatMap(({ labels }) => labels))
  if (label === undefined || more.length > 0 || isHalfOrHeap(label)) return Option.none()
  const path = yield* Path.Path
  const find = yield* Spelling.finder
  const folder = yield* find(root, path.join(halves[0] ?? "", label))
  const inside = yield* Walk.list(folder)
  if (inside.folders.length > 0 || shelves.some(({ others }) => others.length > 0)) return Option.none()
  const pictures = shelves.reduce((sum, { entries }) => sum + entries.length, 0)
  return Option.some(
    `only one label, ${Quoted.quoted(label)} (${
      Quoted.count(pictures, "picture")
    }): at least two are needed to tell apart, each a ` +
      `folder with its pictures beside ${label}/`
  )
})

/** Folders that are called by halves in every class folder, first below it: pictures of both would be mixed. */
export const halvesInside = ({ entries, labels }: Shelf): ReadonlyArray<string> => {
  const folders = new Map<string, Set<string>>()
  for (const { file, label } of entries) {
    const name = Spelling.composed(file)
    const [, inner, more] = name.slice(name.indexOf(label)).split(/[/\\]/)
    if (inner === undefined || more === undefined || Names.halfOf(inner) === undefined) continue
    folders.set(inner, (folders.get(inner) ?? new Set()).add(label))
  }
  return [...folders].filter(([, of]) => of.size === labels.length).map(([name]) => name)
}

/** What to say of pictures that lie beside the folders that are read. */
export const looseNotes = (where: string, folders: string, loose: number): ReadonlyArray<string> =>
  loose === 0 ? [] : [`${where}${Quoted.count(loose, "picture")} beside the ${folders} left alone: no label is known`]

/** What to say of it. */
export const notesOn = (where: string, { beside, empty, labels, loose, others }: Shelf): ReadonlyArray<string> => [
  ...empty.length > 0 && labels.length > 0
    ? [`${where}no pictures in ${Quoted.names(empty)}: no label is made of ${empty.length === 1 ? "it" : "them"}`]
    : [],
  ...looseNotes(where, "class folders", loose),
  ...Walk.noPictures([...beside, ...others]).map((note) => where + note)
]

/** Folders of other layouts that hold pictures and are no labels: COCO's `train2017`, `images`. */
const isHalfOrHeap = (label: string): boolean =>
  /^(?:train|training|test|testing|val|valid|validation|dev|unlabell?ed)[-_]?\d*$/i.test(label) ||
  /^(?:images?|img|imgs|pictures|photos|labels|annotations|masks?)$/i.test(label)

/** Whether its folders are labels: at least two, and not what other layouts keep pictures in. */
export const isOne = ({ labels }: Shelf): boolean => labels.length > 1 && !labels.every(isHalfOrHeap)
