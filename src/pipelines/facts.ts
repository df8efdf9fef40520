/**
 * What settings are fitted to, read from a model directory and a data set.
 */
import { Effect, type FileSystem, type Path, Stream } from "effect"
import type { DataError } from "../dsl/DataError.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import type { Sample, Task, TaskError } from "../dsl/Task.ts"
import * as Truth from "../dsl/Truth.ts"
import { ModelDirectory, type WeightsError } from "../kernels/weights/index.ts"
import { directoryOf } from "../policy/Embedded.ts"
import { type Facts, fit } from "./fit.ts"
import type { Preset } from "./Presets.ts"

/** A model and what it is to learn. */
export interface Subject<A, E, R> {
  readonly task: Task<A>
  /** The training half. Replayable. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** A Hugging Face directory, or "embedded". Only its configuration and the index of its tensors are read. */
  readonly model: string
  /** Whether a low-rank adapter is trained in place of the model's own weights. Default false. */
  readonly adapter?: boolean
  /** Weights of the model, where the directory holds none (`parametersOf`). Default: those in the directory. */
  readonly parameters?: number
}

/** A text never has more tokens than bytes in a byte-level vocabulary; names that it has no word for have as many. */
const bytes = (text: string): number => new TextEncoder().encode(text).length

/** Longer annotations are rare, and cost every rollout: one that does not end by then is wrong. */
const longest = 512

/** Weights in a model directory. */
export const counted = (model: string) =>
  Effect.map(ModelDirectory.open(directoryOf(model)), ({ tensors }) =>
    [...tensors.values()].reduce(
      (sum, { info: { shape } }) => sum + shape.reduce((product, side) => product * side, 1),
      0
    ))

/** Counts samples, weights and the longest annotation. */
export const factsOf = <A, E, R>(
  { adapter = false, data, model, parameters: told, task }: Subject<A, E, R>
): Effect.Effect<
  Facts,
  E | DataError | TaskError | Truth.TruthError | WeightsError,
  R | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const parameters = told ?? (yield* counted(model))
    const { answer, samples } = yield* Truth.checked(task)(data).pipe(
      Stream.mapEffect((sample) => Effect.map(PlugIn.encode(task, sample), bytes)),
      Stream.runFold(
        () => ({ samples: 0, answer: 1 }),
        (sum, length) => ({ samples: sum.samples + 1, answer: Math.max(sum.answer, length) })
      )
    )
    return { parameters, adapter, samples, answer: Math.min(longest, answer) }
  })

/** The same without what would hold answers to a grammar: the task has none. */
const formless = ({ reinforce, rft, sft, ...preset }: Preset): Preset => {
  const [{ format: _, ...loop }, { format: __, ...last }, { practice: ___, ...supervised }] = [reinforce, rft, sft]
  return { ...preset, reinforce: loop, sft: supervised, rft: last }
}

/**
 * Settings that fit a model and a data set. `trainable` among them is told to the policy:
 * `Policy.onnx({ model, trainable })`.
 *
 * ```ts
 * const settings = yield* Pipelines.fitted({ task, data, model: "embedded" })
 * ```
 */
export const fitted = <A, E, R>(
  subject: Subject<A, E, R>
): Effect.Effect<
  Preset,
  E | DataError | TaskError | Truth.TruthError | WeightsError,
  R | FileSystem.FileSystem | Path.Path
> => Effect.map(factsOf(subject), (facts) => subject.task.grammar === undefined ? formless(fit(facts)) : fit(facts))
