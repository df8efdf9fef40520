/**
 * Soft labels: a folder with manifests, or the embedded scenes.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import { CsvManifest, Scenes } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Classification, Distribution } from "../tasks/classification/index.ts"
import { few, type Source, verified } from "./Source.ts"

/** `train.csv` and `test.csv` or `val.csv` of a folder, with broken rows and pictures set aside. */
const folder = Effect.fnUntraced(function*(directory: string, task: Classification.Classification) {
  const splits = yield* CsvManifest.splits(directory)
  return {
    name: directory,
    shots: "full",
    train: yield* verified(splits.train, CsvManifest.read(splits.train, task)),
    test: yield* verified(splits.test, CsvManifest.read(splits.test, task))
  } satisfies Source
})

/** Whether a folder has manifests of a task: `softLabels` finds them, and some row of the training half fits. */
export const hasManifests = (
  directory: string,
  task: Classification.Classification
): Effect.Effect<boolean, never, FileSystem.FileSystem | Path.Path> =>
  CsvManifest.splits(directory).pipe(
    Effect.flatMap(({ train }) => Stream.runHead(CsvManifest.read(train, task))),
    Quarantine.silently,
    Effect.match({ onFailure: () => false, onSuccess: Option.isSome })
  )

const scenes: Source = {
  name: Scenes.World.title,
  shots: "full",
  train: Scenes.dataset({ split: "train" }),
  test: Scenes.dataset({ split: "test" }),
  cuesNamed: Scenes.Groundedness.cuesNamed
}

/** Options of `softLabels`. */
export interface SourceOptions {
  /** The task; its labels are the columns of the manifests. */
  readonly task: Classification.Classification
  /** A folder with manifests; the embedded scenes where there is none. */
  readonly data: Option.Option<string>
  /** Training samples per class; all of them where it is left out. */
  readonly shots: Option.Option<number>
  /** Keys the draw of shots. */
  readonly seed: number
}

/** `train.csv` and `test.csv` or `val.csv` of a folder; the embedded scenes without one. */
export const softLabels = Effect.fnUntraced(function*({ data, seed, shots, task }: SourceOptions) {
  const source: Source = Option.isSome(data) ? yield* folder(data.value, task) : scenes
  return {
    ...source,
    ...few<Distribution>(source.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed }))
  }
})
