/**
 * The file of `--out`: rows that outlive an interruption, and the settings that they were made with.
 *
 * `FILE.meta.json` is there before the first row. Rows of line formats are appended to FILE itself; those of a document
 * lie in `FILE.rows.jsonl`, and FILE is made of them, whole or not at all, when all are there; beside Label Studio's
 * lies `FILE.xml`, the set-up of a project for it. One process at a time writes (`FILE.lock`).
 */
import { Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../../dsl/Atomic.ts"
import * as Lines from "../../dsl/Lines.ts"
import * as Links from "../../dsl/Links.ts"
import { fromPlatform, RunFileError } from "../../dsl/RunError.ts"
import { difference } from "../../dsl/RunFolder.ts"
import * as RunLock from "../../dsl/RunLock.ts"
import * as TextFile from "../../dsl/TextFile.ts"
import { makeFolder } from "../../kernels/runtime/makeFolder.ts"
import * as Json from "../../kernels/weights/Json.ts"
import * as Coco from "./Coco.ts"
import * as CocoIds from "./CocoIds.ts"
import * as Csv from "./Csv.ts"
import { type Format, isDocument } from "./Format.ts"
import * as LabelStudio from "./LabelStudio.ts"
import * as Records from "./Records.ts"
import { Row, type Shape } from "./Row.ts"

const other = "choose another --out"
const begin = `begin it anew with --overwrite, or ${other}`

/** FILE is there, and its rows cannot be gone on from. */
export class OutputMismatch extends Schema.TaggedError<OutputMismatch>()("OutputMismatch", {
  path: Schema.String,
  reason: Schema.String,
  /** What to do. */
  next: Schema.String
}) {
  override get message() {
    return `${this.path} ${this.reason}: ${this.next}`
  }
}

export interface Options {
  readonly path: string
  readonly format: Format
  readonly shape: Shape
  /** What its rows are made with: rows of anything else are others. */
  readonly identity: Readonly<Record<string, Schema.Json>>
  readonly overwrite: boolean
  /** The model as documents call it. */
  readonly model: string
  readonly urlPrefix: string
  /** Ids of `coco-results`; default: those of the `coco` file of the same rows. */
  readonly ids?: CocoIds.Ids
}

export interface Output {
  /** Pictures that have a row, in order, and whether it holds an annotation. */
  readonly done: ReadonlyMap<string, boolean>
  /** How many rows were there when the list was begun that the last of them belong to. */
  readonly began: number
  /** All rows so far are of other lists: the next row begins one. */
  readonly beginList: Effect.Effect<void, RunFileError>
  /** Adds rows; when it returns, they are on the disk. */
  readonly keep: (rows: ReadonlyArray<Row>) => Effect.Effect<void, RunFileError>
  /** All rows are there. */
  readonly finish: Effect.Effect<void, RunFileError>
}

const Meta = Json.text(
  Schema.Struct({ identity: Schema.Record(Schema.String, Schema.Json), began: Schema.Int })
)
const RowText = Json.text(Row)

/** A row as a line of JSON. */
export const lineOf = (row: Row): string => `${JSON.stringify(row)}\n`

/** The text of a row in a line format. */
export const textOf = (format: Format, shape: Shape) => (row: Row): string =>
  format === "csv" ? Csv.recordOf(row, shape) : lineOf(row)

const mismatch = (path: string, reason: string, next = begin) => Effect.fail(new OutputMismatch({ path, reason, next }))

const sizeOf = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.match(fs.stat(file), { onFailure: () => 0, onSuccess: ({ size }) => Number(size) })
})

/** Makes the folder of FILE, and keeps other processes from writing it while the scope is open. */
const claim = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { dirname, join } = yield* Path.Path
  const type = yield* Effect.match(fs.stat(path), { onFailure: () => "File", onSuccess: ({ type }) => type })
  if (type === "Directory") {
    return yield* mismatch(path, "is a folder", `name a file, such as ${join(path, "labels.jsonl")}`)
  }
  if (type !== "File") return yield* mismatch(path, "is not a file", other)
  yield* Effect.mapError(makeFolder(dirname(path)), fromPlatform(path, "writing"))
  yield* Effect.catchTag(
    RunLock.hold(path, `${path}.lock`),
    "RunFileError",
    ({ cause, reason }) => {
      const why = reason.replace(/^.*failed: /, "")
      return Effect.fail(new RunFileError({ path, reason: `cannot be written: ${why}; ${other}`, cause }))
    }
  )
})

/** All files that may be written for FILE. */
export const filesOf = (path: string): ReadonlyArray<string> => [
  path,
  `${path}.rows.jsonl`,
  `${path}.xml`,
  `${path}.meta.json`
]

/** The files beside FILE. */
interface Beside {
  readonly rowsFile: string
  readonly metaFile: string
}

/** Whether there is no answer in a file yet: a header of a CSV is none. */
const isEmpty = Effect.fnUntraced(function*(format: Format, path: string, rowsFile: string) {
  if (path !== rowsFile && (yield* sizeOf(path)) > 0) return false
  let records = 0
  yield* Records.visit(rowsFile, { quoted: format === "csv" }, () => Effect.sync(() => void records++))
  return records <= Number(format === "csv")
})

/** How many rows were there when the last list was begun. Fails where rows were made with other settings. */
const beganOf = Effect.fnUntraced(function*({ format, identity, path }: Options, { metaFile, rowsFile }: Beside) {
  const fs = yield* FileSystem.FileSystem
  const known = yield* Effect.mapError(fs.exists(metaFile), fromPlatform(path, "writing"))
  if (!known && ((yield* sizeOf(path)) > 0 || (yield* sizeOf(rowsFile)) > 0)) {
    return yield* mismatch(path, `is there, and no ${metaFile} says what its rows were made with`)
  }
  if (!known) yield* Atomic.writeJson(metaFile, { identity, began: 0 })
  const meta = yield* TextFile.read(metaFile).pipe(
    Effect.flatMap(Schema.decodeEffect(Meta)),
    Effect.catchTag("SchemaError", () => mismatch(path, `has a ${metaFile} that this version does not write`))
  )
  const differs = difference(meta.identity, identity)
  if (Option.isNone(differs)) return meta.began
  if (yield* isEmpty(format, path, rowsFile)) {
    // What was begun and never answered holds nobody to its settings.
    yield* Effect.mapError(
      Effect.forEach(filesOf(path), (file) => fs.remove(file, { force: true })),
      fromPlatform(path, "writing")
    )
    yield* Atomic.writeJson(metaFile, { identity, began: 0 })
    return 0
  }
  const { field, given, stored } = differs.value
  return yield* mismatch(path, `holds answers made with ${field} ${stored}, and this is ${given}`)
})

/** The pictures that have a row, and the bytes of whole rows. */
const readBack = Effect.fnUntraced(function*({ format, shape }: Options, { rowsFile }: Beside) {
  const done = new Map<string, boolean>()
  const header = format === "csv" ? Csv.header(shape) : ""
  const odd = (number: number) =>
    new RunFileError({ path: rowsFile, reason: `record ${number} is no answer: mend or remove it, or ${begin}` })
  const bytes = yield* Records.visit(rowsFile, { quoted: format === "csv" }, (text, number) => {
    if (format === "csv") {
      if (number === 1) return text === header ? Effect.void : odd(1)
      const { annotated, image } = Csv.readBack(text)
      return Effect.sync(() => done.set(image, annotated))
    }
    return Schema.decodeEffect(RowText)(text).pipe(
      Effect.mapBoth({ onFailure: () => odd(number), onSuccess: (row) => done.set(row.image, row.annotation !== null) })
    )
  })
  return { done, bytes, header }
})

/** Adds texts behind the whole rows of a file; half a row at its end is cut. */
const appender = Effect.fnUntraced(function*(path: string, rowsFile: string, whole: number) {
  const fs = yield* FileSystem.FileSystem
  const writing = Effect.mapError(fromPlatform(path, "writing"))
  let bytes = whole
  if ((yield* sizeOf(rowsFile)) > bytes) yield* writing(fs.truncate(rowsFile, bytes))
  const file = yield* writing(fs.open(rowsFile, { flag: "a" }))
  return (text: string) => {
    const added = new TextEncoder().encode(text)
    return Effect.andThen(file.writeAll(added), file.sync).pipe(
      Effect.mapError(fromPlatform(path, "writing", added.length)),
      Effect.tap(() => Effect.sync(() => bytes += added.length)),
      // Half a row would spoil the file for the next attempt.
      Effect.tapError(() => Effect.ignore(fs.truncate(rowsFile, bytes))),
      Effect.uninterruptible
    )
  }
})

/** Opens FILE, and reads back what it holds. */
export const open = Effect.fnUntraced(function*(options: Options) {
  const { format, identity, model, overwrite, path, shape, urlPrefix: prefix } = options
  const fs = yield* FileSystem.FileSystem
  const { basename, dirname } = yield* Path.Path
  const document = isDocument(format)
  const beside = { rowsFile: document ? `${path}.rows.jsonl` : path, metaFile: `${path}.meta.json` }
  const { metaFile, rowsFile } = beside

  // FILE may be a link, as its name was given; what lies beside it, nobody has named.
  yield* Links.refuseIn(
    dirname(path),
    ["rows.jsonl", "meta.json", "xml", "lock"].map((end) => `${basename(path)}.${end}`)
  )
  yield* claim(path)
  if (overwrite) {
    yield* Effect.mapError(
      Effect.forEach(filesOf(path), (file) => fs.remove(file, { force: true })),
      fromPlatform(path, "writing")
    )
  }
  const began = yield* beganOf(options, beside)
  const { bytes, done, header } = yield* readBack(options, beside)
  const append = yield* appender(path, rowsFile, bytes)
  if (bytes === 0 && header !== "") yield* append(header)

  const unread = (cause: unknown) => new RunFileError({ path: rowsFile, reason: "cannot be read back", cause })
  const rows = fs.stream(rowsFile).pipe(
    Stream.mapError(unread),
    Lines.read((reason) => new RunFileError({ path: rowsFile, reason })),
    Stream.mapEffect(({ text }) => Effect.mapError(Schema.decodeEffect(RowText)(text), unread))
  )
  const idsOfRows = Effect.map(
    Stream.runCollect(Stream.map(rows, ({ image, value }) => ({ image, value }))),
    (all) => CocoIds.ofRows(all, shape)
  )
  const finish = Effect.gen(function*() {
    switch (format) {
      case "coco":
        return yield* Atomic.writeAll(path, Coco.document(rows, shape, model))
      case "coco-results":
        return yield* Atomic.writeAll(path, Coco.results(rows, shape, options.ids ?? (yield* idsOfRows)))
      case "label-studio":
        yield* Atomic.writeText(`${path}.xml`, LabelStudio.setUp(shape))
        return yield* Atomic.writeAll(path, LabelStudio.ofRows(rows, shape, { prefix, model }))
    }
  })
  const text = textOf(format, shape)
  const output: Output = {
    done,
    began: Math.min(began, done.size),
    beginList: Effect.suspend(() => Atomic.writeJson(metaFile, { identity, began: done.size })).pipe(
      Effect.provideService(FileSystem.FileSystem, fs)
    ),
    keep: (added) => append(added.map((row) => document ? lineOf(row) : text(row)).join("")),
    finish: Effect.provideService(finish, FileSystem.FileSystem, fs)
  }
  return output
})
