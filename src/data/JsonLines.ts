/**
 * JSON lines: an object per line that names a picture and holds its annotation. A file that turns out to be a JSON
 * array of such objects is read as one.
 *
 * ```json
 * {"image": "train/0001.png", "annotation": {"stars": 4}}
 * ```
 *
 * Streams lines; an array is read whole, up to 500 MiB. A row that is not such an object is set aside. The picture is a
 * file name, or a list of one. A key `split` that names halves, `train`, `val` or `test`, says which rows are read.
 *
 * @module
 */
import { Effect, type FileSystem, Path, Predicate, Result, Schema, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as Address from "./Address.ts"
import * as Folder from "./Folder.ts"
import * as JsonRows from "./JsonRows.ts"
import * as Reader from "./Options.ts"
import * as PictureName from "./PictureName.ts"
import * as Rows from "./Rows.ts"
import * as SplitColumn from "./SplitColumn.ts"

/** Options of `read`. */
export interface Options<A> extends Folder.Limits {
  /** Reads what stands under the annotation's key; a task's own `annotation`, for example. */
  readonly annotation: Schema.Codec<A, unknown>
  /** Keys of the picture and of the annotation. Default `image` and `annotation`. */
  readonly keys?: { readonly image?: string; readonly annotation?: string }
  /** Folder that pictures are relative to. Default: the file's own. */
  readonly pictures?: string
  /**
   * Which rows are read of a file whose rows have a key `split`, unless it is that of picture or annotation: those of a
   * half, or `"all"`. Default: those to train on, where the key names halves in every row, which is warned of.
   */
  readonly split?: SplitColumn.Split
}

const decodeEntry = Rows.decode(Schema.Record(Schema.String, Schema.Unknown), "not-an-object")

/** What the options may be. */
const rules: Rules.Table = {
  ...Reader.limits,
  annotation: Rules.required(Rules.any),
  keys: Rules.record("{ image, annotation }"),
  "keys.image": Rules.text("a key"),
  "keys.annotation": Rules.text("a key"),
  pictures: Reader.path,
  split: Reader.split
}

/** The key that names the half of a row; none where it is another's. */
const splitOf = ({ keys = {} }: { readonly keys?: { readonly image?: string; readonly annotation?: string } }) =>
  [keys.image, keys.annotation].includes(SplitColumn.column) ? undefined : SplitColumn.column

/** A row that is an object; `sample` says why another is none. */
const isEntry = ({ value }: JsonRows.Row): boolean =>
  Result.isSuccess(value) && Predicate.isReadonlyObject(value.success) && !Array.isArray(value.success)

/** What a row holds. */
const fieldOf = ({ value }: JsonRows.Row, key: string): unknown =>
  Result.isSuccess(value) && Predicate.hasProperty(value.success, key) ? value.success[key] : undefined

/**
 * The samples of a file. The same picture may stand in several lines; then its samples are told apart by the line's
 * number.
 */
export const read = <A>(
  file: string,
  options: Options<A>
): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> => {
  const key = splitOf(options)
  const { release, rows } = JsonRows.held(file, "JSON lines")
  const halves = SplitColumn.found(
    file,
    key === undefined ? Stream.empty : rows.pipe(Stream.filter(isEntry), Stream.map((row) => fieldOf(row, key)))
  )
  return Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(file, rules, options)
    const path = yield* Path.Path
    const folder = yield* Folder.open(
      options.pictures ?? path.dirname(file),
      "the folder that its pictures are in",
      options
    )
    if (options.split !== undefined && key === undefined) {
      return yield* new DataError({ source: file, reason: SplitColumn.absent(options.split, SplitColumn.taken) })
    }
    const { split }: SplitColumn.Found = options.split === undefined ? yield* halves : { split: options.split }
    const { annotation: annotationKey = "annotation", image: imageKey = "image" } = options.keys ?? {}
    // Few data have addresses: files are looked for once one has.
    const byAddress = yield* Effect.cached(Address.finder(folder.root))
    const decodeAnnotation = Rows.decode(options.annotation, "bad-annotation")
    const seen = new Set<string>()

    const sample = (
      { row, value }: JsonRows.Row,
      held: Result.Result<boolean, Rows.BadRow>
    ): Effect.Effect<ReadonlyArray<Sample<A>>, DataError | Rows.BadRow, FileSystem.FileSystem | Path.Path> =>
      Effect.gen(function*() {
        yield* Effect.fromResult(held)
        const entry = yield* decodeEntry(yield* Effect.fromResult(value))
        const written = yield* Effect.fromResult(PictureName.read(imageKey, entry[imageKey]))
        const name = Address.schemeOf(written) === undefined
          ? written
          : yield* Effect.fromResult((yield* byAddress)(written))
        const id = yield* Effect.fromResult(folder.id(name))
        const again = seen.has(id)
        seen.add(id)
        const truth = yield* decodeAnnotation(entry[annotationKey])
        const { image } = yield* folder.picture(name)
        return [{ image: again ? { ...image, id: `${image.id}#${row}` } : image, truth }]
      })

    return rows.pipe(
      Stream.map((row) => ({
        row,
        // A row that cannot be read is of no half, and set aside whichever is read.
        held: isEntry(row) ? SplitColumn.holds(key && fieldOf(row, key), split) : Result.succeed(true)
      })),
      Stream.filter(({ held }) => Result.isFailure(held) || held.success),
      Stream.map(({ held, row }) => ({ row: row.row, read: sample(row, held) })),
      Rows.samples(file, SplitColumn.none(split) ?? "no lines in it")
    )
    // A list is parsed once for its halves and its first pass, and not held between passes.
  })).pipe(Stream.ensuring(release))
}
