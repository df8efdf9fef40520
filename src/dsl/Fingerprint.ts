/**
 * What a run was made of, in a few bytes: recorded in run.json and compared when a run is resumed.
 */
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import * as PlugIn from "./PlugIn.ts"
import type { Sample, Task, TaskError } from "./Task.ts"
import * as Truth from "./Truth.ts"

/** SHA-256 over image ids, annotations and questions in order, and how many there are. Pixels are not read. */
export const data = <A, E, R>(task: Task<A>, samples: Stream.Stream<Sample<A>, E, R>) =>
  Truth.checked(task)(samples).pipe(
    Stream.mapEffect((sample) => Effect.map(PlugIn.encode(task, sample), (annotation) => ({ ...sample, annotation }))),
    Stream.runFold(() => ({ hash: createHash("sha256"), samples: 0 }), (state, { annotation, image, question }) => {
      state.hash.update(`${image.id}\t${annotation}${question === undefined ? "" : `\t${question}`}\n`)
      return { ...state, samples: state.samples + 1 }
    }),
    Effect.map(({ hash, samples }) => ({ samples, sha256: hash.digest("hex") }))
  )

/** SHA-256 over the four prompt forms: an overridden prompt is another run. */
export const prompts = (task: Pick<Task<never>, "name" | "prompts">): Effect.Effect<string, TaskError> =>
  Effect.all([
    PlugIn.prompt(task, "reason", "‹annotation›"),
    PlugIn.prompt(task, "reconstruct", "‹reasoning›"),
    PlugIn.prompt(task, "annotate", ""),
    PlugIn.prompt(task, "answerOnly", "")
  ]).pipe(Effect.map((texts) => createHash("sha256").update(texts.join("\u0000")).digest("hex")))
