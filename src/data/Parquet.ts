/**
 * Parquet as Hugging Face ships image data sets: a column of `{bytes, path}` structs beside the columns of the
 * annotation.
 *
 * Streams row group by row group: one group is in memory at a time, as the pictures of its rows are. What a footer or a
 * page announces is held against the bytes that are there before the library reads it, so that damage ends in an error,
 * and soon. A column `split` that names halves, `train`, `val` or `test`, says which rows are read.
 *
 * @module
 */
import { Effect, type FileSystem, Path, Result, Schema, SchemaGetter, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as Folder from "./Folder.ts"
import * as Once from "./Once.ts"
import * as Reader from "./Options.ts"
import * as Records from "./parquet/Records.ts"
import * as Rows from "./Rows.ts"
import { oneHot } from "./Shares.ts"
import * as SplitColumn from "./SplitColumn.ts"

/** Options of `read`. */
export interface Options<A> extends Folder.Limits {
  /** Reads the annotation's column, or the whole row without its picture where no column is named. */
  readonly annotation: Schema.Codec<A, unknown>
  /** Column of the annotation. Default: none, the row is the annotation. */
  readonly column?: string
  /** Column of the picture. Default `image`. */
  readonly image?: string
  /** Most bytes that a row group may unpack to. Default 1 GiB. */
  readonly maxGroupBytes?: number
  /**
   * Which rows are read of files with a column `split`, unless it is that of picture or annotation: those of a half, or
   * `"all"`. Default: those to train on, where the column names halves in every row, which is warned of.
   */
  readonly split?: SplitColumn.Split
}

const defaultMaxGroupBytes = 2 ** 30

/** The index of a label, Hugging Face's ClassLabel, as a distribution with all mass on it. */
export const classLabel = (labels: ReadonlyArray<string>): Schema.Codec<ReadonlyArray<number>, unknown> =>
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: labels.length - 1 })).pipe(
    Schema.decodeTo(Schema.Array(Schema.Number), {
      decode: SchemaGetter.transform((index: number) => oneHot(labels, labels[index] ?? "")),
      encode: SchemaGetter.transform((shares: ReadonlyArray<number>) => shares.indexOf(1))
    })
  )

const Picture = Schema.Struct({
  bytes: Schema.optional(Schema.NullOr(Schema.Uint8Array)),
  path: Schema.optional(Schema.NullOr(Schema.String))
})
const decodePicture = Rows.decode(Picture, "no-image")

/** What a column of pictures holds in a row: a picture, its bytes alone, or a list of one. */
export const pictureIn = (column: string, value: unknown): Effect.Effect<typeof Picture.Type, Rows.BadRow> => {
  if (value instanceof Uint8Array) return Effect.succeed({ bytes: value })
  if (!Array.isArray(value)) return decodePicture(value)
  const detail = `"${column}" is a list of ${value.length}, expected one picture a row`
  return value.length === 1 ? decodePicture(value[0]) : Effect.fail({ reason: "several-images", detail })
}

/** The columns that have to be there. */
const neededOf = ({ column, image = "image" }: Pick<Options<unknown>, "column" | "image">): ReadonlyArray<string> =>
  column === undefined ? [image] : [image, column]

/** The columns of a file, and the `key` that names the half of a row, as it is written; none where it is another's. */
const headOf = (file: string, needed: ReadonlyArray<string>) =>
  Effect.map(Effect.scoped(Records.openFooter(file)), ({ columns, footer: { metadata } }) => {
    const name = columns[SplitColumn.indexIn(columns)]
    const key = name === undefined || needed.includes(name) ? undefined : name
    return { file, columns, key, isEmpty: metadata.num_rows === 0n }
  })

/**
 * Fails where some of the files have a column of halves and others have none: rows of these, which may be to test on,
 * would be read with those to train on.
 */
const alike = Effect.fnUntraced(function*(files: ReadonlyArray<string>, options: Options<unknown>) {
  const needed = neededOf(options)
  const heads = (yield* Effect.forEach(files, (file) => headOf(file, needed))).filter(({ isEmpty }) => !isEmpty)
  const [having, lacking] = [heads.find(({ key }) => key !== undefined), heads.find(({ key }) => key === undefined)]
  if (having === undefined || lacking === undefined) return
  return yield* new DataError({
    source: lacking.file,
    reason: `it has no column "${SplitColumn.column}", and ${having.file} has one: which half its rows belong to is ` +
      "not said. Read files with the column and files without it apart"
  })
})

/** What the rows of files name as their half. */
const halvesIn = (files: ReadonlyArray<string>, options: Options<unknown>) =>
  Stream.fromIterable(files).pipe(
    Stream.flatMap((file) =>
      Stream.unwrap(Effect.map(headOf(file, neededOf(options)), ({ key }) =>
        key === undefined
          ? Stream.empty
          : Records.read(file, { columns: [key], maxGroupBytes: options.maxGroupBytes ?? defaultMaxGroupBytes }).pipe(
            Stream.map((record) => record[key])
          )))
    )
  )

/** The samples of one file; none where it has no rows. `seen` holds the ids of the files before it. */
const one = <A>(
  file: string,
  seen: Set<string>,
  options: Options<A>,
  split: SplitColumn.Split
): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.suspend(() => {
    const { column, image: imageColumn = "image", maxGroupBytes = defaultMaxGroupBytes } = options
    const needed = neededOf(options)
    const decodeAnnotation = Rows.decode(options.annotation, "bad-annotation")

    const sample = (record: Records.Record, row: number, folder: Folder.Folder, path: Path.Path) =>
      Effect.gen(function*() {
        const { bytes, path: written } = yield* pictureIn(imageColumn, record[imageColumn])
        const name = typeof written === "string" && written !== "" ? Folder.spelt(path, written) : undefined
        const id = name === undefined || seen.has(name) ? `${path.basename(file)}#${row}` : name
        seen.add(id)
        const rest = Object.fromEntries(Object.entries(record).filter(([key]) => key !== imageColumn))
        const annotation = yield* Effect.try({
          try: () => Records.plain(column === undefined ? rest : record[column]),
          catch: (): Rows.BadRow => ({ reason: "bad-annotation", detail: "nested too deep to be read" })
        })
        const truth = yield* decodeAnnotation(annotation)
        const { image } = bytes === undefined || bytes === null
          ? yield* folder.picture(name ?? "", id)
          : yield* Folder.encoded(id, bytes, options)
        return [{ image, truth }]
      })
    let rows = 0
    return Stream.unwrap(Effect.gen(function*() {
      const path = yield* Path.Path
      const folder = yield* Effect.cached(Folder.open(path.dirname(file), "the folder of the Parquet file", options))
      const { columns: all, key } = yield* headOf(file, needed)
      if (options.split !== undefined && key === undefined) {
        const found = SplitColumn.indexIn(all) < 0 ? SplitColumn.among(all) : SplitColumn.taken
        return yield* new DataError({ source: file, reason: SplitColumn.absent(options.split, found) })
      }
      const columns = key === undefined ? needed : [...needed, key]
      return Records.read(file, { columns, all: column === undefined, maxGroupBytes }).pipe(
        Stream.map((record) => ({ row: ++rows, record, held: SplitColumn.holds(key && record[key], split) })),
        Stream.filter(({ held }) => Result.isFailure(held) || held.success),
        Stream.map(({ held, record, row }) => ({
          row,
          read: Effect.fromResult(held).pipe(
            Effect.andThen(folder),
            Effect.flatMap((opened) => sample(record, row, opened, path))
          )
        })),
        // A file without rows is no error: others may have some.
        Rows.samples<Sample<A>>(file, undefined)
      )
    }))
  })

/** What the options may be. */
const rules: Rules.Table = {
  ...Reader.limits,
  annotation: Rules.required(Rules.any),
  column: Rules.text("a column"),
  image: Rules.text("a column"),
  maxGroupBytes: Rules.above(0),
  split: Reader.split
}

/**
 * The samples of Parquet files, one after the other; a file without rows is skipped as long as another has some. A
 * picture's id is the path that stands beside its bytes, or the row's number. Fails on files that are not Parquet or
 * lack a column; a row whose picture or annotation cannot be read is set aside.
 *
 * ```ts
 * Parquet.read(["train-00000-of-00001.parquet"], { column: "label", annotation: Parquet.classLabel(labels) })
 * ```
 */
export const read = <A>(
  files: ReadonlyArray<string>,
  options: Options<A>
): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> => {
  const halves = SplitColumn.found(files.join(", "), halvesIn(files, options))
  const sound = Once.make(alike(files, options)).get
  return Stream.unwrap(Effect.gen(function*() {
    const source = files.join(", ")
    yield* Reader.check(source, rules, options)
    yield* sound
    const { split }: SplitColumn.Found = options.split === undefined ? yield* halves : { split: options.split }
    const seen = new Set<string>()
    return Stream.fromIterable(files).pipe(
      Stream.flatMap((file) => one(file, seen, options, split)),
      // A file whose rows are all unusable has failed before this.
      Stream.concat(Stream.suspend(() => {
        if (seen.size > 0) return Stream.empty
        const reason = files.length === 0 ? "no Parquet files are named" : SplitColumn.none(split) ?? "no rows in it"
        return Stream.fail(new DataError({ source, reason }))
      }))
    )
  }))
}
