/**
 * What a run was made of, in a few bytes: recorded in run.json and compared when a run is resumed.
 */
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import * as PlugIn from "./PlugIn.ts"
import type { Sample, Task } from "./Task.ts"

/** SHA-256 over image ids, annotations and questions in order, and how many there are. Pixels are not read. */
export const data = <A, E, R>(task: Task<A>, samples: Stream.Stream<Sample<A>, E, R>) =>
  Stream.mapEffect(
    samples,
    (sample) =>
      Effect.map(PlugIn.run(task, sample, () => task.encode(sample.truth)), (annotation) => ({ ...sample, annotation }))
  ).pipe(
    Stream.runFold(() => ({ hash: createHash("sha256"), samples: 0 }), (state, { annotation, image, question }) => {
      state.hash.update(`${image.id}\t${annotation}${question === undefined ? "" : `\t${question}`}\n`)
      return { ...state, samples: state.samples + 1 }
    }),
    Effect.map(({ hash, samples }) => ({ samples, sha256: hash.digest("hex") }))
  )

/** SHA-256 over the four prompt forms: an overridden prompt is another run. */
export const prompts = <A>({ prompts }: Task<A>): string =>
  createHash("sha256").update(
    [prompts.reason("‹annotation›"), prompts.reconstruct("‹reasoning›"), prompts.annotate, prompts.answerOnly].join(
      "\u0000"
    )
  ).digest("hex")
