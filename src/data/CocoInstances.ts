/**
 * COCO's instances files: `{"images": […], "annotations": […], "categories": […]}` beside a folder of pictures.
 *
 * The file is read whole, pictures are not. A picture without annotations is a sample with nothing in it. Crowds are
 * kept and marked, which is told once; tasks do not ask for them, so that a picture of crowds alone is set aside. So is
 * one with an annotation that cannot be read: it would be taught with less in it than there is. A box without area is
 * left out where others are left in its picture. `CocoAnnotations` says how entries are read.
 *
 * @module
 */
import { Effect, type FileSystem, type Path, Stream } from "effect"
import type { DataError, Dataset } from "../dsl/Dataset.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import * as CocoFile from "./CocoFile.ts"
import * as CocoPictures from "./CocoPictures.ts"
import type { Instances } from "./Instances.ts"
import * as Reader from "./Options.ts"

export type { Options } from "./CocoPictures.ts"

/** What the options may be. */
const rules: Rules.Table = { ...Reader.limits, pictures: Reader.path }

/**
 * The pictures of an instances file with what is in them. Image ids are file names. Fails where the file is no such
 * file, where none of its annotations can be used, and where no picture that has one is left.
 *
 * ```ts
 * CocoInstances.read("coco/annotations/instances_val2017.json", { pictures: "coco/val2017" })
 * ```
 */
export const read = (
  file: string,
  options: CocoPictures.Options = {}
): Dataset<Instances, DataError, FileSystem.FileSystem | Path.Path> => {
  let isTold = false
  const load = Effect.tap(CocoFile.load(file), (content) =>
    Effect.suspend(() => {
      const notes = isTold ? [] : CocoFile.notes(content)
      isTold = true
      return Effect.forEach(notes, (note) => warn(`${file}: ${note}`), { discard: true })
    }))
  return Stream.unwrap(Effect.as(Reader.check(file, rules, options), CocoPictures.of(file, load, options)))
}

/** The names of an instances file's classes, each once, in the file's order. */
export const labels = (file: string): Effect.Effect<ReadonlyArray<string>, DataError, FileSystem.FileSystem> =>
  Effect.map(CocoFile.load(file), CocoFile.labels)
