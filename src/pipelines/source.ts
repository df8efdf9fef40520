/**
 * Where the samples of a soft-label task come from: a folder with manifests, or the embedded scenes.
 */
import { Effect, FileSystem, Option, Path, Result, Stream } from "effect"
import { CsvManifest, Scenes } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import { sift } from "../dsl/Sift.ts"
import { Decode, type ImageError } from "../kernels/image/index.ts"
import type { Classification, Distribution } from "../tasks/classification/index.ts"
import type { Bar } from "./examples.ts"

/** What a source may fail with. */
export type Fault = Dataset.DataError | Scenes.Atlas.AtlasError

/** Samples that a source reads. */
type Samples<A> = Dataset.Dataset<A, Fault, FileSystem.FileSystem | Path.Path>

/** The halves of a data set, and what is known about its pictures. */
export interface Source<out A = Distribution> {
  /** Named in run.json and in the report. */
  readonly name: string
  /** "full", or training samples per class: a column of results.json. */
  readonly shots: string
  readonly train: Samples<A>
  readonly test: Samples<A>
  /** The cues a text names, where pictures have known cues. */
  readonly cuesNamed?: (text: string) => Iterable<string>
}

/**
 * Sets aside samples whose picture does not decode. Pictures are decoded on the first pass; later passes repeat its verdict,
 * also to the quarantine, which counts a row once.
 */
export const verified = <A, E, R>(name: string, samples: Dataset.Dataset<A, E, R>) =>
  Effect.gen(function*() {
    const broken = yield* Effect.cached(Effect.gen(function*() {
      const errors = new Map<string, ImageError>()
      yield* Stream.runDrain(Stream.mapEffect(samples, ({ image }) =>
        Effect.catch(Decode.load(image), (error) => Effect.sync(() => void errors.set(image.id, error))), { concurrency: 4 }))
      return errors
    }))
    return Stream.unwrap(Effect.map(broken, (errors) =>
      samples.pipe(
        Stream.zipWithIndex,
        Stream.map(([sample, index]) => {
          const error = errors.get(sample.image.id)
          const read = error === undefined
            ? Result.succeed([sample])
            : Result.fail({ reason: "unreadable-image", detail: error.message })
          return { row: index + 1, read }
        }),
        sift({ source: `${name} (pictures)`, unit: "picture", unusable: () => "none of its pictures can be read" })
      )))
  })

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

const scenes: Source = {
  name: Scenes.World.title,
  shots: "full",
  train: Scenes.Scenes.dataset({ split: "train" }),
  test: Scenes.Scenes.dataset({ split: "test" }),
  cuesNamed: Scenes.Groundedness.cuesNamed
}

export interface SourceOptions {
  readonly task: Classification.Classification
  /** A folder with manifests; the embedded scenes where there is none. */
  readonly data: Option.Option<string>
  /** Training samples per class; all of them where it is left out. */
  readonly shots: Option.Option<number>
  readonly seed: number
}

/** The training half reduced to the shots asked for. */
export const few = <A>(samples: Samples<A>, shots: Option.Option<number>, draw: (count: number) => (samples: Samples<A>) => Samples<A>) =>
  Option.match(shots, {
    onNone: () => ({ shots: "full", train: samples }),
    onSome: (count) => ({ shots: String(count), train: draw(count)(samples) })
  })

export const open = Effect.fnUntraced(function*({ data, seed, shots, task }: SourceOptions) {
  const source: Source = Option.isSome(data) ? yield* folder(data.value, task) : scenes
  return { ...source, ...few<Distribution>(source.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed })) }
})

/** The mean distribution: what knows the data set and no picture. */
export const meanDistribution = <E, R>(truths: Stream.Stream<Distribution, E, R>): Effect.Effect<Distribution, E, R> =>
  Effect.map(
    Stream.runFold(truths, (): { readonly n: number; readonly sums: Distribution } => ({ n: 0, sums: [] }), ({ n, sums }, truth) => ({
      n: n + 1,
      sums: truth.map((p, i) => p + (sums[i] ?? 0))
    })),
    ({ n, sums }) => sums.map((sum) => sum / n)
  )

/** A distribution as bars. */
export const bars = (task: Classification.Classification) => (distribution: Distribution): ReadonlyArray<Bar> =>
  task.labels.map((label, i) => ({ label, value: distribution[i] ?? 0 }))
