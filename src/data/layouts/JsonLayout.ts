/**
 * A layout of JSON files, one for each half, that hold a picture a row.
 */
import { Effect, Option, Path, Stream } from "effect"
import * as JsonRows from "../JsonRows.ts"
import * as Found from "./Found.ts"
import * as JsonFiles from "./JsonFiles.ts"
import type { Layout } from "./Layout.ts"
import * as Pictures from "./Pictures.ts"
import type { Part, Row } from "./Row.ts"

export interface Options extends Pick<Layout, "example" | "name">, Pick<Found.Options, "spread"> {
  /** What its files are known by. */
  readonly kind: JsonFiles.Kind
  readonly read: (row: JsonRows.Row) => Row
  /** What is said of the files: the one to train on, then the one to test on, if there is one. */
  readonly note: (files: ReadonlyArray<string>) => string
}

const part = Effect.fnUntraced(function*(root: string, file: string, read: Options["read"]) {
  const path = yield* Path.Path
  const source = path.join(root, file)
  const { release, rows } = JsonRows.held(source, "an object per row that names a picture")
  const find = yield* Pictures.open(root, path.dirname(file))
  return { source, unit: "row", rows: Stream.map(rows, read), release, find } satisfies Part
})

export const make = ({ example, kind, name, note, read, spread }: Options): Layout => ({
  name,
  example,
  open: Effect.fnUntraced(function*(at, hints) {
    const files = yield* JsonFiles.find(at, kind)
    if (Option.isNone(files)) return Option.none()
    const { notes, root, test, train } = files.value
    return Option.some(
      yield* Found.make({
        layout: name,
        hints,
        train: yield* part(root, train, read),
        test: Option.isSome(test) ? Option.some(yield* part(root, test.value, read)) : Option.none(),
        spread,
        notes: [note([train, ...Option.toArray(test)]), ...notes]
      })
    )
  })
})
