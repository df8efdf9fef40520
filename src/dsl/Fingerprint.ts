/**
 * What a run was made of, in a few bytes: recorded in run.json and compared when a run is resumed.
 */
import { createHash } from "node:crypto"
import { Effect, Stream } from "effect"
import type { Sample, Task } from "./Task.ts"

/** SHA-256 over image ids, annotations and questions in order, and how many there are. Pixels are not read. */
export const data = <A, E, R>(task: Task<A>, samples: Stream.Stream<Sample<A>, E, R>) =>
  Effect.map(
    Stream.runFold(samples, () => ({ hash: createHash("sha256"), samples: 0 }), (state, { image, question, truth }) => {
      state.hash.update(`${image.id}\t${task.encode(truth)}${question === undefined ? "" : `\t${question}`}\n`)
      return { ...state, samples: state.samples + 1 }
    }),
    ({ hash, samples }) => ({ samples, sha256: hash.digest("hex") })
  )

/** SHA-256 over the four prompt forms: an overridden prompt is another run. */
export const prompts = <A>({ prompts }: Task<A>): string =>
  createHash("sha256").update(
    [prompts.reason("‹annotation›"), prompts.reconstruct("‹reasoning›"), prompts.annotate, prompts.answerOnly].join("\u0000")
  ).digest("hex")
