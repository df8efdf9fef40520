/**
 * One folder per class with its pictures inside, also in folders of its own: the layout of ImageNet and of
 * torchvision's ImageFolder.
 *
 * @module
 */
import { Effect, type FileSystem, Path, Stream } from "effect"
import { DataError, type Dataset } from "../dsl/Dataset.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import * as Folder from "./Folder.ts"
import * as Reader from "./Options.ts"
import * as Quoted from "./Quoted.ts"
import * as Rows from "./Rows.ts"
import { oneHot } from "./Shares.ts"
import * as Spelling from "./Spelling.ts"
import * as Walk from "./Walk.ts"

/** Options of `read`. */
export interface Options extends Folder.Limits {
  /** The folder of each label, where it is not called by it: ImageNet's are WordNet ids. */
  readonly folders?: Readonly<Record<string, string>>
}

/** What the options may be. */
const rules: Rules.Table = { ...Reader.limits, folders: Rules.record("a folder for each label") }

/**
 * The pictures of these labels, class after class, files in the order that torchvision walks them; the truth has all
 * mass on the label. Other folders are left alone. Fails where a label has no folder.
 *
 * ```ts
 * ImageFolder.read("imagenet/train", { labels: ["backpack", "broom"] }, {
 *   folders: { backpack: "n02769748", broom: "n02906734" }
 * })
 * ```
 */
export const read = (
  directory: string,
  { labels }: { readonly labels: ReadonlyArray<string> },
  options: Options = {}
): Dataset<ReadonlyArray<number>, DataError, FileSystem.FileSystem | Path.Path> =>
  Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(directory, rules, options)
    const path = yield* Path.Path
    const folder = yield* Folder.open(directory, "a folder with one folder per label", options)
    const find = yield* Spelling.finder
    const files = yield* Effect.forEach(labels, (label) => {
      const name = options.folders?.[label] ?? label
      return Effect.flatMap(find(folder.root, name), Walk.files).pipe(
        Effect.mapError((error) =>
          new DataError({
            source: directory,
            reason: error.reason._tag === "NotFound"
              ? `no folder ${Quoted.quoted(name)} for the label ${Quoted.quoted(label)}`
              : `cannot be read: ${SystemFault.words(error)}`
          })
        ),
        Effect.map((files) => files.map((file) => ({ file: path.join(name, file), label })))
      )
    })
    return Stream.fromIterable(files.flat()).pipe(
      Stream.zipWithIndex,
      Stream.map(([{ file, label }, i]) => ({
        row: i + 1,
        read: Effect.map(folder.picture(file), ({ image }) => [{ image, truth: oneHot(labels, label) }])
      })),
      Rows.samples(directory, "no pictures in the folders of its labels", { unit: "picture" })
    )
  }))
