/**
 * What a model was trained on, as the folder of its run says: the hashes of its pictures, and the seed that halves were
 * drawn by.
 */
import { Effect, type FileSystem, Option, Path, Schema } from "effect"
import * as PictureMarks from "./PictureMarks.ts"
import type { RunFileError } from "./RunError.ts"
import * as TextFile from "./TextFile.ts"

/** What a run trained on. */
export interface TrainedOn {
  /** The run's folder. */
  readonly folder: string
  readonly seed: number
  /** Of its pictures to train on, as `PictureMarks` shortens hashes. */
  readonly marks: ReadonlySet<string>
}

const Samples = Schema.Struct({ samples: Schema.Int })

/** What run.json has to say: a study's of both halves, a script's of all that it trains on. */
const Recorded = Schema.fromJsonString(Schema.Struct({
  identity: Schema.Struct({ seed: Schema.Int, data: Schema.Union([Schema.Struct({ train: Samples }), Samples]) })
}))
const decode = Schema.decodeUnknownOption(Recorded)

/** What the run of the model in a directory, that is in `FOLDER/model`, was trained on; none where it does not say. */
export const of = (
  model: string
): Effect.Effect<Option.Option<TrainedOn>, RunFileError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { dirname, join, resolve } = yield* Path.Path
    const folder = dirname(resolve(model))
    const [run, hashes] = yield* Effect.all([
      TextFile.readIfThere(join(folder, "run.json")),
      TextFile.readIfThere(join(folder, PictureMarks.fileName))
    ])
    return Option.map(Option.all([Option.flatMap(run, decode), hashes]), ([{ identity: { data, seed } }, text]) => {
      const { samples } = "train" in data ? data.train : data
      return { folder, seed, marks: new Set(PictureMarks.marksIn(text).slice(0, samples)) }
    })
  })
