/**
 * The columns that all files of a Hugging Face data set have in common: a file with others would be read as something
 * that it does not say.
 */
import { Effect, Option, Path, Result, Stream } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import * as Records from "../parquet/Records.ts"
import { names, quoted } from "../Quoted.ts"
import { type Columns, columns as columnsOf } from "./HuggingFaceSchema.ts"
import type { Hints } from "./Layout.ts"
import * as Names from "./Names.ts"

/** Footers that are open at one time. */
const concurrency = 16

/** Most bytes that a row group may unpack to. */
export const maxGroupBytes = 2 ** 30

const columnsIn = (file: string, hints: Hints) =>
  Effect.gen(function*() {
    const fail = (reason: string) => new DataError({ source: file, reason })
    const { columns: all, footer } = yield* Effect.scoped(Records.openFooter(file))
    return yield* Option.match(columnsOf(footer, hints), {
      onNone: () => Effect.fail(fail(`no column of pictures among ${names(all)}: expected "image"`)),
      onSome: (found) => Effect.fromResult(Result.mapError(found, fail))
    })
  })

const kinds = { boxes: "boxes", label: "labels" } as const

/** What a file says otherwise than another, each in words; nothing where they agree. */
const difference = (one: Columns, other: Columns, isWhole: boolean): readonly [string, string] | undefined => {
  const words = ({ annotation, image, kind }: Columns) =>
    `pictures in ${quoted(image)} and ${kinds[kind]} in ${quoted(annotation)}`
  if (words(one) !== words(other)) return [words(one), words(other)]
  const [classes, others] = [one, other].map((columns) => Option.getOrUndefined(columns.classes))
  if (classes !== undefined && others !== undefined) {
    const longer = classes.length < others.length ? others : classes
    const at = longer.findIndex((_, i) => classes[i] !== others[i])
    const named = (all: ReadonlyArray<string>) =>
      all[at] === undefined ? `no class ${at}` : `class ${at} ${quoted(all[at])}`
    if (at >= 0) return [named(classes), named(others)]
  } else if (classes !== others) {
    const named = (all: ReadonlyArray<string> | undefined) =>
      all === undefined ? "classes without names" : names(all, 4)
    return [named(classes), named(others)]
  }
  const stored = ({ numbered }: Columns) => `labels that are ${numbered ? "numbers" : "texts"}`
  if (one.numbered !== other.numbered) return [stored(one), stored(other)]
  const half = ({ split }: Columns) =>
    Option.match(split, {
      onNone: () => "no column \"split\"",
      onSome: (name) => `a column ${quoted(name)}`
    })
  return isWhole && half(one) !== half(other) ? [half(one), half(other)] : undefined
}

/**
 * What is read of the files, which is the same of each. Fails at the first that says otherwise than the one before all.
 *
 * @param isWhole whether rows of the files may name halves: then all files have to have a column of these, or none
 */
export const same = Effect.fnUntraced(
  function*(root: string, files: ReadonlyArray<string>, hints: Hints, isWhole: boolean) {
    const path = yield* Path.Path
    const [name = "", ...others] = files
    const first = yield* columnsIn(path.join(root, name), hints)
    yield* Effect.forEach(others, (file) =>
      Effect.flatMap(columnsIn(path.join(root, file), hints), (found) => {
        const apart = difference(found, first, isWhole)
        if (apart === undefined) return Effect.void
        const reason =
          `it has ${apart[0]}, and ${name} has ${apart[1]}: files of one data set have the same columns. ` +
          "Name the files that belong together by a folder of their own"
        return Effect.fail(new DataError({ source: path.join(root, file), reason }))
      }), { concurrency, discard: true })
    return first
  }
)

/** The column of which a value in some file names a half. */
export const naming = (files: ReadonlyArray<string>, split: Columns["split"]) =>
  Option.match(split, {
    onNone: () => Effect.succeed(Option.none<string>()),
    onSome: (column) =>
      Stream.fromIterable(files).pipe(
        Stream.flatMap((file) => Records.read(file, { columns: [column], maxGroupBytes })),
        Stream.map((record) => record[column]),
        Stream.filter((value) => typeof value === "string" && Names.halfOf(value) !== undefined),
        Stream.runHead,
        Effect.map(Option.as(column))
      )
  })
