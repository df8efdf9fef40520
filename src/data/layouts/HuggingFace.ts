/**
 * Parquet files of a Hugging Face data set: `data/train-00000-of-00001.parquet` and its like, shards in order.
 *
 * The footer's features name pictures and classes. Whole numbers without names are not guessed at: their names are
 * asked for. A column that is a list of pictures is read where the list has one.
 */
import { Effect, FileSystem, Option, Path, Result, Stream } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import * as Folder from "../Folder.ts"
import * as Parquet from "../Parquet.ts"
import * as Records from "../parquet/Records.ts"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as SplitColumn from "../SplitColumn.ts"
import * as BoxForms from "./BoxForms.ts"
import * as Found from "./Found.ts"
import { maxGroupBytes, naming, same } from "./HuggingFaceColumns.ts"
import * as Files from "./HuggingFaceFiles.ts"
import { type Columns, sizeColumns } from "./HuggingFaceSchema.ts"
import { splitOf } from "./JsonForms.ts"
import * as Labels from "./Labels.ts"
import type { Layout } from "./Layout.ts"
import * as Pictures from "./Pictures.ts"
import type { Part, Row } from "./Row.ts"

const bad = (reason: string, detail: string) => Result.fail<BadRow>({ reason, detail })

/** The name of a class; −1 is what `datasets` writes for none. */
const named = (value: unknown, { annotation, classes }: Columns): Result.Result<unknown, BadRow> => {
  if (Option.isNone(classes) || typeof value !== "number") return Result.succeed(value)
  if (value === -1) return bad("no-label", `"${annotation}" is -1, which stands for no label`)
  const name = classes.value[value]
  return name === undefined
    ? bad("unknown-label", `"${annotation}" is ${value}, expected one of ${classes.value.length} classes from 0 on`)
    : Result.succeed(name)
}

/** The value of a column with classes called by their names. */
const saidOf = (value: unknown, columns: Columns): Row["said"] =>
  Result.gen(function*() {
    const { annotation, kind } = columns
    const plain = yield* Result.try({
      try: () => Records.plain(value),
      catch: (): BadRow => ({ reason: "bad-annotation", detail: "nested too deep to be read" })
    })
    if (kind === "label") {
      const labels = Array.isArray(plain)
        ? yield* Result.all(plain.map((each) => named(each, columns)))
        : yield* named(plain, columns)
      return yield* Labels.read(annotation, labels)
    }
    const found = Option.firstSomeOf([BoxForms.read({ [annotation]: plain }), BoxForms.read({ objects: plain })])
    if (Option.isNone(found)) {
      return yield* bad("bad-annotation", `"${annotation}" is ${quoted(plain)}, expected boxes with labels`)
    }
    const boxes = yield* found.value
    const labelled = yield* Result.all(boxes.map((box) => {
      const label = Option.getOrElse(box.label, () => "")
      const number = /^-?\d+$/.test(label) ? Number(label) : label
      return Result.map(
        named(number, columns),
        (name) => ({ ...box, label: Option.map(box.label, () => String(name)) })
      )
    }))
    return { kind: "boxes" as const, boxes: labelled }
  })

/** The rows of shards, one after the other. A row is named by its number in all of them. */
const rowsOf = (root: string, files: ReadonlyArray<string>, columns: Columns, brief: boolean): Part["rows"] =>
  Stream.unwrap(Effect.map(Path.Path, (path) => {
    const { annotation, image, kind, split } = columns
    const sizes = kind === "boxes" && !brief ? sizeColumns : []
    const named = [annotation, ...Option.toArray(split)]
    const wanted = brief ? named : [image, ...named]
    return Stream.fromIterable(files).pipe(
      Stream.flatMap((file) => {
        const seen = new Set<string>()
        return Records.read(path.join(root, file), { columns: wanted, perhaps: sizes, maxGroupBytes }).pipe(
          Stream.zipWithIndex,
          Stream.mapEffect(([record, i]) => {
            const [width, height] = sizes.map((name) => Records.plain(record[name]))
            const said = Result.map(
              saidOf(record[annotation], columns),
              (said) => said.kind === "boxes" ? { ...said, boxes: BoxForms.sized(said.boxes, { width, height }) } : said
            )
            const numbered = `${file}#${i + 1}`
            const half = Option.flatMap(split, (column) => splitOf({ [SplitColumn.column]: record[column] }))
            const base = { split: half, said }
            if (brief) return Effect.succeed({ ...base, picture: Result.succeed(numbered) })
            return Effect.match(Parquet.pictureIn(image, record[image]), {
              onFailure: (fault) => ({
                ...base,
                picture: Result.fail({ ...fault, detail: `${numbered}: ${fault.detail}` })
              }),
              onSuccess: ({ bytes, path: name }) => {
                const spelt = typeof name === "string" && name !== "" ? Folder.spelt(path, name) : undefined
                const id = spelt === undefined || seen.has(spelt) ? numbered : `${file}#${spelt}`
                if (spelt !== undefined) seen.add(spelt)
                return bytes instanceof Uint8Array
                  ? { ...base, picture: Result.succeed(id), held: Folder.encoded(id, bytes) }
                  : { ...base, picture: Result.succeed(name ?? "") }
              }
            })
          })
        )
      }),
      Stream.zipWithIndex,
      Stream.map(([row, i]): Row => ({ ...row, row: i + 1 }))
    )
  }))

export const layout: Layout = {
  name: "Parquet of Hugging Face",
  example: "data/train-00000-of-00001.parquet with the columns image and label, or image and objects",
  open: Effect.fnUntraced(function*(at, hints) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const info = yield* Effect.option(fs.stat(at))
    if (Option.isNone(info)) return Option.none()
    const isFolder = info.value.type === "Directory"
    const root = isFolder ? at : path.dirname(at)
    const shards = isFolder
      ? yield* Files.shards(root)
      : [path.basename(at)].filter((name) => /\.parquet$/i.test(name))
    if (shards.length === 0) return Option.none()
    const { first, held, notes } = yield* Files.halves(root, shards)
    const source = path.join(root, first[0] ?? "")
    const fail = (reason: string) => new DataError({ source, reason })
    const found = yield* same(root, [...first, ...held], hints, held.length === 0)
    const { annotation, classes, numbered } = found
    // What rows of files that are halves themselves say of halves is not asked for.
    const split = held.length > 0
      ? Option.none<string>()
      : yield* naming(first.map((file) => path.join(root, file)), found.split)
    const columns = { ...found, split }
    const unused = Option.isNone(split) ? Option.toArray(found.split) : []
    if (numbered && Option.isNone(classes) && Option.isNone(hints.labels)) {
      return yield* fail(
        `its labels in "${annotation}" are numbers without names: give the names of 0, 1, … with --labels NAME,…`
      )
    }
    const part = Effect.fnUntraced(function*(files: ReadonlyArray<string>) {
      const [file = ""] = files
      return {
        source: path.join(root, file) + (files.length > 1 ? ` and ${files.length - 1} more` : ""),
        unit: "row",
        rows: rowsOf(root, files, columns, false),
        brief: rowsOf(root, files, columns, true),
        find: yield* Pictures.open(root, path.dirname(file))
      } satisfies Part
    })
    return Option.some(
      yield* Found.make({
        layout: layout.name,
        hints,
        train: yield* part(first),
        test: held.length > 0 ? Option.some(yield* part(held)) : Option.none(),
        ...(Option.isSome(classes) && { order: classes.value }),
        spread: false,
        notes: [
          `${names([...first, ...held], 4)}: ${columns.notes[0]}`,
          ...columns.notes.slice(1),
          ...unused.map((column) =>
            held.length > 0
              ? `${quoted(column)} is not used: the files are the halves`
              : `${quoted(column)} names no half of the data, and is not used`
          ),
          ...notes
        ]
      })
    )
  })
}
