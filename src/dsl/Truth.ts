/**
 * Ground truth where it enters: held to the task's `annotation`, so that what does not fit is named with its sample
 * before anything is computed with it.
 */
import { Effect, Result, Schema, Stream } from "effect"
import * as Given from "../kernels/image/Given.ts"
import * as Again from "./Again.ts"
import type { DataError } from "./DataError.ts"
import { type Sample, shown, type Task } from "./Task.ts"

/** A sample's annotation is none of its task, or its image is none. */
export class TruthError extends Schema.TaggedError<TruthError>()("TruthError", {
  /** Name of the task. */
  task: Schema.String,
  /** Image id of the sample. */
  sample: Schema.String,
  /** The annotation as text, cut to 80 characters. */
  value: Schema.String,
  /** What the task takes, and what does not fit it: "7 probabilities, got 2". */
  expected: Schema.String,
  /** What is wrong with the sample's image, where that is what does not fit. */
  image: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    if (this.image !== undefined) return `sample ${this.sample}: its image is ${this.image}`
    return `sample ${this.sample}: its annotation is ${this.value}, task "${this.task}" expects ${this.expected}`
  }
}

/** "a finite number at [1]" of the schema's "Expected a finite number\n  at [1]". */
const words = (message: string): string => message.replace(/^Expected /, "").replace(/\s+/g, " ").trim()

/** The samples, as long as their annotations are the task's and each pass over them has some. */
export const checked = <A>(task: Pick<Task<A>, "annotation" | "name">) => {
  const decode = Schema.decodeUnknownResult(Schema.toType(task.annotation))
  return <E, R>(samples: Stream.Stream<Sample<A>, E, R>): Stream.Stream<Sample<A>, E | DataError | TruthError, R> =>
    Stream.mapEffect(Again.readable(`the data of task "${task.name}"`)(samples), (sample) => {
      const { image, truth } = sample
      const fault = Given.fault(image)
      if (fault !== undefined) {
        const { expected = "", fault: what, image: id } = fault
        return Effect.fail(new TruthError({ task: task.name, sample: id, value: shown(image), expected, image: what }))
      }
      const read = decode(truth)
      if (Result.isSuccess(read)) return Effect.succeed(sample)
      const expected = words(read.failure.message)
      return Effect.fail(new TruthError({ task: task.name, sample: image.id, value: shown(truth), expected }))
    })
}
