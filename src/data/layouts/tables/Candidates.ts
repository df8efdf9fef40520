/**
 * The tables of a folder that name pictures, and the halves that they are called by.
 */
import { Effect, FileSystem, Option, Path, Result, Stream } from "effect"
import { DataError } from "../../../dsl/DataError.ts"
import { unreadable } from "../../Listing.ts"
import * as Quoted from "../../Quoted.ts"
import * as Table from "../../Table.ts"
import * as TextEncoding from "../../TextEncoding.ts"
import * as Walk from "../../Walk.ts"
import * as Names from "../Names.ts"
import * as Columns from "./Columns.ts"
import * as Located from "./Located.ts"
import * as Profile from "./Profile.ts"

/** The folder of a data set: as it was named, which tables are told by, and with its links resolved. */
export interface Place {
  readonly directory: string
  readonly root: string
}

/** A table whose column of pictures is known. */
export interface Candidate {
  readonly table: Table.Table
  /** Its path from the data set's folder. */
  readonly name: string
  /** The half that its name, or its folder's, tells. */
  readonly half: Names.Half | undefined
  readonly image: Located.Located
  readonly columns: ReadonlyArray<Profile.Column>
}

const isTable = (name: string) => /\.(?:csv|tsv|tab)$/i.test(name)

/** The line, from 1, that a carriage return alone ends where other lines end otherwise, as far as a text begins. */
const returned = ({ encoding, file }: Table.Table) =>
  Effect.map(Stream.runHead(TextEncoding.decoded(file, encoding)).pipe(Effect.orElseSucceed(Option.none)), (piece) => {
    const ends = [...Option.getOrElse(piece, () => "").matchAll(/\r\n|\r(?!$)|\n/g)].map(([end]) => end)
    return ends.some((end) => end !== "\r") ? ends.indexOf("\r") + 1 : 0
  })

/** Why a table has no cell that is filled. */
const emptiness = Effect.fnUntraced(function*(table: Table.Table) {
  const first = yield* Stream.runHead(table.records)
  if (Option.isNone(first)) return "a header and no rows below it"
  const { cells, row } = first.value
  if (Result.isFailure(cells)) {
    return `none of its rows holds anything. First, line ${row}: ${cells.failure.reason}: ${cells.failure.detail}`
  }
  const [own, width] = [cells.success.length, table.header.length]
  if (own === width) return "none of its rows holds anything"
  const line = yield* returned(table)
  return `none of its rows holds anything that can be read. First, line ${row}: ${own} cells, expected ${width}` +
    (line === 0 ? "" : `. Line ${line} ends with a carriage return alone, others with a line feed: end all lines alike`)
})

const open = Effect.fnUntraced(function*({ directory, root }: Place, name: string, half: Names.Half | undefined) {
  const path = yield* Path.Path
  const table = yield* Table.open(path.join(directory, name), "a table", { headless: true })
  const columns = yield* Profile.of(table)
  const named = columns.find(Columns.isImage)
  if (named !== undefined && columns.every(({ filled }) => filled === 0)) {
    return yield* new DataError({ source: table.file, reason: yield* emptiness(table) })
  }
  const image = yield* Located.find(root, path.join(root, name), Columns.imagesOf(columns))
  return image === undefined ? Option.none<Candidate>() : Option.some<Candidate>({ table, name, half, image, columns })
})

/** The tables of a folder, or of its folders that are called by halves, that name pictures. */
export const inFolder = (
  place: Place
): Effect.Effect<ReadonlyArray<Candidate>, DataError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const { directory } = place
    const list = (folder: string) => Effect.mapError(Walk.list(path.join(directory, folder)), unreadable(directory))
    const { files, folders } = yield* list("")
    const here = files.filter(isTable).map((name) => ({ name, half: Names.halfIn(name.replace(/\.\w+$/, "")) }))
    const below = here.length > 0 ? [] : yield* Effect.forEach(
      folders.filter((folder) => Names.halfOf(folder) !== undefined),
      (folder) =>
        Effect.map(list(folder), (inside) =>
          inside.files.filter(isTable).map((name) => ({ name: path.join(folder, name), half: Names.halfOf(folder) })))
    )
    const opened = yield* Effect.forEach([...here, ...below.flat()], ({ half, name }) =>
      open(place, name, half))
    return opened.flatMap(Option.toArray)
  })

/** The table that a path names, and its folder. Fails where none of its columns names pictures. */
export const atPath = (
  file: string
): Effect.Effect<
  Option.Option<{ readonly place: Place; readonly candidate: Candidate }>,
  DataError,
  FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if (!isTable(file) && !/\.txt$/i.test(file)) return Option.none()
    const directory = path.dirname(file)
    const place = { directory, root: yield* Effect.mapError(fs.realPath(directory), unreadable(file)) }
    const found = yield* open(place, path.basename(file), undefined)
    if (Option.isSome(found)) return Option.some({ place, candidate: found.value })
    const { header } = yield* Table.open(file, "a table")
    return yield* new DataError({
      source: file,
      reason: header.length === 0
        ? "the file is empty, expected a header such as image,label"
        : `none of its columns ${Quoted.names(header)} names pictures beside it: call the one that does "image"`
    })
  })
