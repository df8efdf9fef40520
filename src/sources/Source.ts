/**
 * Where the samples of a study come from: the halves of a data set, and what is known about its pictures.
 */
import { Effect, FileSystem, Option, Path, Result, Stream } from "effect"
import type { Scenes } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import * as Progress from "../dsl/Progress.ts"
import { sift } from "../dsl/Sift.ts"
import type { Sample, Task } from "../dsl/Task.ts"
import { Decode, type ImageError } from "../kernels/image/index.ts"
import { there } from "../kernels/runtime/there.ts"
import type { Distribution } from "../tasks/classification/index.ts"

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
  /** The half to train on. */
  readonly train: Samples<A>
  /** The half that methods are compared on. */
  readonly test: Samples<A>
  /** The cues a text names, where pictures have known cues. */
  readonly cuesNamed?: (text: string) => Iterable<string>
}

/** A source that brings its task, and its prior. */
export interface TaskSource<A, T extends Task<A> = Task<A>> extends Source<A> {
  /** The task that the samples belong to. */
  readonly task: T
  /** What knows the data set and no picture. */
  readonly mean?: <E, R>(truths: Stream.Stream<A, E, R>) => Effect.Effect<A, E, R>
}

/** Options of a source: which data a task reads. */
export interface Options {
  /** A folder in the task's layout; the embedded scenes where there is none. */
  readonly data: Option.Option<string>
  /** Training samples per class, or in all for LISA; all of them where it is left out. */
  readonly shots: Option.Option<number>
  /** Keys the draw of shots and subsets. */
  readonly seed: number
  /** Whether the embedded checkpoint is asked: in its own few words. */
  readonly embedded: boolean
  /** What eq. 6 divides by in `cocoSub`. Default "max". */
  readonly denominator?: "truth" | "max"
}

/**
 * Sets aside samples whose picture does not decode. Pictures are decoded by the first whole pass, which reports its
 * progress; later passes repeat its verdict, also to the quarantine, which counts a row once.
 *
 * @param see called with each picture that is decoded, and its own size in pixels
 */
export const verified = <A, E, R>(
  name: string,
  samples: Dataset.Dataset<A, E, R>,
  see: (id: string, size: { readonly width: number; readonly height: number }) => void = () => undefined
) => {
  let known: ReadonlyMap<string, ImageError> | undefined
  const decoding = (errors: Map<string, ImageError>) => {
    const stage = `reading ${name}`
    let step = 0
    const seen = Effect.suspend(() =>
      Progress.report(Progress.Event.Step({ stage, step: ++step, tokens: 0, figures: {} }))
    )
    return {
      check: ({ image }: Sample<A>) =>
        Decode.load(image).pipe(
          Effect.map(({ own }) => see(image.id, own)),
          Effect.catch((error) => Effect.sync(() => void errors.set(image.id, error))),
          Effect.andThen(seen)
        ),
      begin: Progress.report(Progress.Event.Started({ stage, total: 0, unit: "pictures" })),
      end: Effect.andThen(
        Effect.sync(() => {
          known = errors
        }),
        Progress.report(Progress.Event.Finished({ stage, note: "" }))
      )
    }
  }
  const judged = (errors: ReadonlyMap<string, ImageError>) => (all: Dataset.Dataset<A, E, R>) =>
    all.pipe(
      Stream.zipWithIndex,
      Stream.map(([sample, index]) => {
        const error = errors.get(sample.image.id)
        const read = error === undefined
          ? Result.succeed([sample])
          : Result.fail({ reason: "unreadable-image", detail: `${sample.image.id}: ${error.fault}` })
        return { row: index + 1, read }
      }),
      sift({
        source: `${name} (pictures)`,
        unit: "picture",
        unusable: () => "none of its pictures can be read"
      })
    )
  return Stream.suspend(() => {
    if (known !== undefined) return judged(known)(samples)
    const errors = new Map<string, ImageError>()
    const { begin, check, end } = decoding(errors)
    return Stream.unwrap(Effect.as(
      begin,
      samples.pipe(
        Stream.mapEffect((sample) => Effect.as(check(sample), sample), { concurrency: 4 }),
        Stream.concat(Stream.drain(Stream.fromEffect(end))),
        judged(errors)
      )
    ))
  })
}

/** The training half reduced to the shots asked for. */
export const few = <A>(
  samples: Samples<A>,
  shots: Option.Option<number>,
  draw: (count: number) => (samples: Samples<A>) => Samples<A>
) =>
  Option.match(shots, {
    onNone: () => ({ shots: "full", train: samples }),
    onSome: (count) => ({ shots: String(count), train: draw(count)(samples) })
  })

/** The first of these that is in a folder. */
export const present = Effect.fnUntraced(function*(directory: string, names: ReadonlyArray<string>, expected: string) {
  const path = yield* Path.Path
  for (const name of names) {
    if (yield* there(path.join(directory, name))) {
      return path.join(directory, name)
    }
  }
  return yield* new Dataset.DataError({
    source: directory,
    reason: `none of ${names.join(", ")} in it, expected ${expected}`
  })
})
