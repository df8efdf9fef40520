/** What a layout makes of a folder, and of one that is made for it. */
import { Effect, type FileSystem, Option, type Path } from "effect"
import type { Instances } from "../../../src/data/Instances.ts"
import type { Classes, Found, Layout } from "../../../src/data/layouts/Layout.ts"
import type { DataError, Dataset } from "../../../src/dsl/Dataset.ts"
import { collect, folder } from "../folders.ts"

export { layout as ClassLayout } from "../../../src/data/layouts/ClassFolders.ts"

/** A half that was read: [id, truth] of each picture, and what was set aside. */
export interface Half {
  readonly truths: ReadonlyArray<unknown>
  readonly error: string
  readonly rows: ReadonlyArray<unknown>
  readonly details: ReadonlyArray<string>
}

const none: Half = { truths: [], error: "no such half", rows: [], details: [] }

const half = <A>(
  data: Option.Option<Dataset<A, DataError, FileSystem.FileSystem | Path.Path>>,
  show: (truth: A) => unknown
) =>
  Option.match(data, {
    onNone: () => Effect.succeed(none),
    onSome: (samples) =>
      Effect.map(collect(samples), ({ samples, ...rest }): Half => ({
        ...rest,
        truths: samples.map(({ image, truth }) => [image.id, show(truth)])
      }))
  })

/** A box as [label, x, y, width, height]. */
const boxes = ({ instances }: Instances) => instances.map(({ box, label }) => [label, ...box])

const halves = (found: Found) => {
  const { kind, test, train } = found
  return kind === "classes"
    ? Effect.all([half(Option.some(train), (truth) => truth), half(test, (truth) => truth)])
    : Effect.all([half(Option.some(train), boxes), half(test, boxes)])
}

const nothing = { unknown: false, error: "", kind: "", single: false, notes: "", train: none, test: none }

/** What is found, its halves read; or the error, or that the layout does not know the folder. */
export const opened = (
  layout: Layout,
  path: string,
  labels?: ReadonlyArray<string>,
  kind?: "classes" | "boxes"
) =>
  layout.open(path, { labels: Option.fromUndefinedOr(labels), ...(kind === undefined ? {} : { kind }) }).pipe(
    Effect.flatMap(Option.match({
      onNone: () => Effect.succeed({ ...nothing, labels: [] as ReadonlyArray<string>, unknown: true }),
      onSome: (found) =>
        Effect.map(halves(found), ([train, test]) => ({
          ...nothing,
          kind: String(found.kind),
          single: found.kind === "classes" && found.single,
          labels: found.labels,
          notes: found.notes.join("\n"),
          train,
          test
        }))
    })),
    Effect.catchTag(
      "DataError",
      (error) => Effect.succeed({ ...nothing, labels: [] as ReadonlyArray<string>, error: error.message })
    )
  )

export const lines = (...rows: ReadonlyArray<unknown>) =>
  rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`).join("")

/** What was found, where it is pictures with labels. */
export const classes = (found: Found): Classes => {
  if (found.kind !== "classes") throw new Error(`expected labels, found ${found.kind}`)
  return found
}

/** What a layout finds in a folder of pictures with labels. */
export const openFolder = Effect.fnUntraced(
  function*(files: Parameters<typeof folder>[0], open: Layout["open"], labels?: ReadonlyArray<string>) {
    const root = yield* folder(files)
    const found = Option.getOrThrow(yield* open(root, { labels: Option.fromUndefinedOr(labels) }))
    return { ...classes(found), root }
  }
)
