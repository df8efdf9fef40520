/**
 * What a run was made of, in a few bytes: recorded in run.json and compared when a run is resumed.
 */
import { Effect, Option, Result, type Schema, Stream } from "effect"
import { createHash } from "node:crypto"
import * as Content from "../kernels/image/Content.ts"
import { Marks } from "./PictureMarks.ts"
import * as PlugIn from "./PlugIn.ts"
import type { Sample, Task, TaskError } from "./Task.ts"
import * as Truth from "./Truth.ts"

/**
 * SHA-256 over image ids, annotations and questions in order, how many there are, and, where pictures have bytes, a
 * SHA-256 over theirs: whoever resumes a run has the same pictures, not only the same names. Of pictures that are drawn
 * on demand the id says all. `PictureMarks` is told of every picture.
 */
export const data = <A, E, R>(task: Task<A>, samples: Stream.Stream<Sample<A>, E, R>) =>
  Effect.flatMap(Marks, (marks) =>
    Truth.checked(task)(samples).pipe(
      Stream.mapEffect((sample) =>
        Effect.all({ annotation: PlugIn.encode(task, sample), hash: Content.hash(sample.image) }).pipe(
          Effect.map((known) => ({ ...sample, ...known }))
        ), { concurrency: 4 }),
      Stream.runFold(
        () => ({ sum: createHash("sha256"), pictures: createHash("sha256"), samples: 0, haveBytes: false }),
        ({ haveBytes, pictures, samples, sum }, { annotation, hash, image, question }) => {
          sum.update(`${image.id}\t${annotation}${question === undefined ? "" : `\t${question}`}\n`)
          pictures.update(`${
            Option.getOrElse(hash, () => "-")
          }\n`)
          marks?.add(image.id, hash)
          return { sum, pictures, samples: samples + 1, haveBytes: haveBytes || Content.hasBytes(image) }
        }
      ),
      Effect.map(({ haveBytes, pictures, samples, sum }) => ({
        samples,
        sha256: sum.digest("hex"),
        ...(haveBytes && { pictures: pictures.digest("hex") })
      }))
    ))

const isRecord = (value: Schema.Json | undefined): value is { readonly [key: string]: Schema.Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * What is to be compared with a run.json of an earlier version, which says nothing of the bytes of pictures: `given`
 * without them. None where `stored` says of its pictures what there is to say.
 */
export const asEarlier = (stored: Schema.Json, given: Schema.Json): Option.Option<Schema.Json> => {
  if (!isRecord(stored) || !isRecord(given)) return Option.none()
  const isOld = "samples" in stored && "sha256" in stored && !("pictures" in stored) && "pictures" in given
  let changed = isOld
  const entries = Object.entries(given).flatMap(([key, value]): ReadonlyArray<[string, Schema.Json]> => {
    if (isOld && key === "pictures") return []
    const inner = Object.hasOwn(stored, key) ? asEarlier(stored[key] ?? null, value) : Option.none()
    changed ||= Option.isSome(inner)
    return [[key, Option.getOrElse(inner, () => value)]]
  })
  return changed ? Option.some(Object.fromEntries(entries)) : Option.none()
}

/** SHA-256 over the four prompt forms: an overridden prompt is another run. */
export const prompts = (task: Pick<Task<never>, "name" | "prompts">): Effect.Effect<string, TaskError> =>
  Effect.suspend(() =>
    Effect.fromResult(Result.all([
      PlugIn.prompt(task, "reason", "‹annotation›"),
      PlugIn.prompt(task, "reconstruct", "‹reasoning›"),
      PlugIn.prompt(task, "annotate", ""),
      PlugIn.prompt(task, "answerOnly", "")
    ]))
  ).pipe(Effect.map((texts) => createHash("sha256").update(texts.join("\u0000")).digest("hex")))
