/**
 * JSON lines: an object per line that names a picture and holds its annotation.
 *
 * ```json
 * {"image": "train/0001.png", "annotation": {"stars": 4}}
 * ```
 *
 * Streams the file. A line that is not such an object is set aside.
 *
 * @module
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { Json } from "../kernels/weights/index.ts"
import * as Folder from "./Folder.ts"
import * as Reader from "./Options.ts"
import * as Pointer from "./Pointer.ts"
import * as Rows from "./Rows.ts"

/** Options of `read`. */
export interface Options<A> extends Folder.Limits {
  /** Reads what stands under the annotation's key; a task's own `annotation`, for example. */
  readonly annotation: Schema.Codec<A, unknown>
  /** Keys of the picture and of the annotation. Default `image` and `annotation`. */
  readonly keys?: { readonly image?: string; readonly annotation?: string }
  /** Folder that pictures are relative to. Default: the file's own. */
  readonly pictures?: string
}

const decodeEntry = Rows.decode(Schema.Record(Schema.String, Schema.Unknown), "not-an-object")
const decodeLine = (line: string) =>
  Effect.try({
    try: () => Json.parse(line),
    catch: (error): Rows.BadRow => ({ reason: "not-an-object", detail: `not JSON: ${String(error)}` })
  }).pipe(Effect.flatMap(decodeEntry))

/** What the options may be. */
const rules: Rules.Table = {
  ...Reader.limits,
  annotation: Rules.required(Rules.any),
  keys: Rules.record("{ image, annotation }"),
  "keys.image": Rules.text("a key"),
  "keys.annotation": Rules.text("a key"),
  pictures: Reader.path
}

/**
 * The samples of a file. The same picture may stand in several lines; then its samples are told apart by the line's
 * number.
 */
export const read = <A>(file: string, options: Options<A>): Dataset<A, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(file, rules, options)
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = yield* Folder.open(
      options.pictures ?? path.dirname(file),
      "the folder that its pictures are in",
      options
    )
    const { annotation: annotationKey = "annotation", image: imageKey = "image" } = options.keys ?? {}
    const decodeAnnotation = Rows.decode(options.annotation, "bad-annotation")
    yield* Pointer.refuse(file)
    const seen = new Set<string>()

    const sample = (line: string, row: number): Effect.Effect<ReadonlyArray<Sample<A>>, Rows.BadRow> =>
      Effect.gen(function*() {
        const entry = yield* decodeLine(line)
        const name = entry[imageKey]
        if (typeof name !== "string") {
          const detail = `"${imageKey}" is ${JSON.stringify(name) ?? "missing"}, expected a file name`
          return yield* Effect.fail<Rows.BadRow>({ reason: "no-image", detail })
        }
        const again = seen.has(name)
        seen.add(name)
        const truth = yield* decodeAnnotation(entry[annotationKey])
        const { image } = yield* folder.picture(name)
        return [{ image: again ? { ...image, id: `${image.id}#${row}` } : image, truth }]
      })

    return fs.stream(file).pipe(
      Stream.mapError((error) =>
        new DataError({
          source: file,
          reason: error.reason._tag === "NotFound"
            ? "no such file, expected JSON lines"
            : `cannot be read: ${error.message}`
        })
      ),
      Stream.decodeText,
      Stream.splitLines,
      Stream.zipWithIndex,
      Stream.filter(([line]) => line.trim() !== ""),
      Stream.map(([line, i]) => ({ row: i + 1, read: sample(i === 0 ? line.replace(/^\uFEFF/, "") : line, i + 1) })),
      Rows.samples(file, "no lines in it")
    )
  }))
