/**
 * Soft labels: a folder with manifests, or the embedded scenes.
 */
import { Effect, type FileSystem, Option, type Path, Stream } from "effect"
import { CsvManifest, Scenes } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import * as Keyed from "../kernels/math/Keyed.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import type { Classification, Distribution } from "../tasks/classification/index.ts"
import { few, type Source, verified } from "./Source.ts"

/**
 * Test samples whose picture is also trained on, by name: how many, and the first; None where there is none. No picture
 * is read for it: manifests may be large.
 */
const sharedNames = <E, R>(train: Dataset.Dataset<Distribution, E, R>, test: Dataset.Dataset<Distribution, E, R>) =>
  Effect.gen(function*() {
    // A number an id, so that the ids of a large manifest are not held.
    const numberOf = (id: string) => Keyed.stream(0, id).next()
    const trained = yield* Stream.runFold(
      train,
      () => new Set<number>(),
      (ids, { image: { id } }) => ids.add(numberOf(id))
    )
    return yield* Stream.runFold(
      test,
      () => ({ first: "", pictures: 0, tested: 0 }),
      ({ first, pictures, tested }, { image: { id } }) =>
        trained.has(numberOf(id))
          ? { first: pictures === 0 ? id : first, pictures: pictures + 1, tested: tested + 1 }
          : { first, pictures, tested: tested + 1 }
    )
  }).pipe(
    Quarantine.silently,
    // What cannot be read is told by whoever reads it next.
    Effect.option,
    Effect.map(Option.filter(({ pictures }) => pictures > 0))
  )

/** `train.csv` and `test.csv` or `val.csv` of a folder, with broken rows and pictures set aside. */
const folder = Effect.fnUntraced(function*(directory: string, task: Classification.Classification) {
  const splits = yield* CsvManifest.splits(directory)
  const train = CsvManifest.read(splits.train, task)
  const test = CsvManifest.read(splits.test, task)
  const shared = yield* sharedNames(train, test)
  if (Option.isSome(shared)) {
    const { first, pictures, tested } = shared.value
    yield* warn(
      `${directory}: ${pictures} of ${tested} test pictures are also trained on, ${first} first: what is measured on ` +
        "them is memory; leave them out of one of the two manifests"
    )
  }
  return {
    name: directory,
    shots: "full",
    train: verified(splits.train, train),
    test: verified(splits.test, test)
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

const scenes = (difficulty: number): Source => ({
  name: Scenes.titleAt(difficulty),
  shots: "full",
  train: Scenes.dataset({ split: "train", difficulty }),
  test: Scenes.dataset({ split: "test", difficulty }),
  cuesNamed: Scenes.Groundedness.cuesNamed
})

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
  /** How hard the embedded scenes are to read (`Scenes.DatasetOptions.difficulty`). Default 0. */
  readonly difficulty?: number
}

/** `train.csv` and `test.csv` or `val.csv` of a folder; the embedded scenes without one. */
export const softLabels = Effect.fnUntraced(function*({ data, difficulty = 0, seed, shots, task }: SourceOptions) {
  if (Option.isSome(data) && difficulty !== 0) {
    return yield* new Dataset.DataError({
      source: data.value,
      reason: `difficulty ${difficulty} is of the embedded scenes: leave it out, or the folder`
    })
  }
  const source: Source = Option.isSome(data) ? yield* folder(data.value, task) : scenes(difficulty)
  return {
    ...source,
    ...few<Distribution>(source.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed }))
  }
})
