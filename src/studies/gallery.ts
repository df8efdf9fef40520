/**
 * Small pictures of all that a report can show: every sample that was answered, and those of the training half whose
 * chains it shows. They are kept in the run's folder, so that a report is made of it alone.
 */
import { Effect, Option, Path, Schema, Stream } from "effect"
import * as Atomic from "../dsl/Atomic.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import { ChainsRow } from "../dsl/Rise.ts"
import { chainsFile, Run } from "../dsl/Run.ts"
import { sampleKey } from "../dsl/sampleKeys.ts"
import type { Sample } from "../dsl/Task.ts"
import { Prediction, predictionsFile } from "../evaluation/Results.ts"
import * as Keyed from "../kernels/math/Keyed.ts"
import { there } from "../kernels/runtime/there.ts"
import { lines } from "./artefacts.ts"
import { DataUri, thumbnail } from "./picture.ts"

/** Name of the file. */
export const picturesFile = "pictures.jsonl"

/** Samples of the training half whose chains are shown. */
export const shownLoops = 200

/** A line of `pictures.jsonl`. */
export const PictureRow = Schema.Struct({
  half: Schema.Literals(["test", "train"]),
  image: Schema.String,
  /** What was asked, in tasks that ask every picture something of its own. */
  question: Schema.optionalKey(Schema.String),
  /** Pixels of the picture itself. */
  width: Schema.Int,
  height: Schema.Int,
  /** A PNG of at most 128 pixels, as a data URI. */
  png: DataUri
})
export type PictureRow = typeof PictureRow.Type

const rowsOf = <A, E, R>(
  half: PictureRow["half"],
  samples: Stream.Stream<Sample<A>, E, R>,
  keys: ReadonlySet<string>
) => {
  const left = new Set(keys)
  return samples.pipe(
    Stream.filter(({ image: { id }, question }) => left.delete(sampleKey({ image: id, question }))),
    Stream.mapEffect(
      ({ image, question }) =>
        thumbnail(image).pipe(
          Effect.map((small): ReadonlyArray<PictureRow> => [{
            half,
            image: image.id,
            ...(question !== undefined && { question }),
            ...small
          }]),
          // What cannot be read was answered with a fault, which stands beside its empty place.
          Effect.orElseSucceed((): ReadonlyArray<PictureRow> => [])
        ),
      { concurrency: 2 }
    ),
    Stream.flattenIterable
  )
}

/** Writes `pictures.jsonl`; nothing where nothing was answered. Of a finished run it is there already. */
export const gallery = <A, E, R, E2, R2>({ test, train }: {
  readonly train: Stream.Stream<Sample<A>, E, R>
  readonly test: Stream.Stream<Sample<A>, E2, R2>
}) =>
  Effect.gen(function*() {
    const run = yield* Run
    if (Option.isNone(run.directory)) return
    const path = yield* Path.Path
    const at = (name: string) => path.join(Option.getOrThrow(run.directory), name)
    if (run.sealed && (yield* there(at(picturesFile)))) return
    const keys = <B extends { readonly image: string; readonly question?: string | undefined }, E, R>(
      rows: Stream.Stream<B, E, R>
    ) => Stream.runFold(rows, () => new Set<string>(), (found, row) => found.add(sampleKey(row)))
    const answered = yield* keys(lines(at(predictionsFile), Prediction))
    const chained = yield* keys(lines(at(chainsFile("RISE")), ChainsRow))
    if (answered.size + chained.size === 0) return
    const loops = new Set(Keyed.stream(run.seed, "report/loops").shuffle([...chained]).slice(0, shownLoops))
    yield* Atomic.writeAll(
      at(picturesFile),
      Stream.concat(rowsOf("test", test, answered), rowsOf("train", train, loops)).pipe(
        Stream.map((row) => `${JSON.stringify(row)}\n`)
      )
    )
  }).pipe(Quarantine.silently)
