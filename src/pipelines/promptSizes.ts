/**
 * How long a task's prompts are for a model, measured on a few samples of the data at hand.
 */
import { Effect, type FileSystem, type Path, Stream } from "effect"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Question from "../dsl/Question.ts"
import type { Sample, TaskError } from "../dsl/Task.ts"
import { type ImageError, Preprocess } from "../kernels/image/index.ts"
import { type TextError, Tokenizer } from "../kernels/text/index.ts"
import { ModelDirectory, type WeightsError } from "../kernels/weights/index.ts"
import { directoryOf } from "../policy/Embedded.ts"
import type { Subject } from "./facts.ts"

/** The longest prompt, in tokens. */
export interface PromptSizes {
  /** All of it but a reasoning that it quotes. */
  readonly promptTokens: number
  /** Those of its picture. */
  readonly visualTokens: number
}

/** Samples that are looked at. */
const few = 16

/** What chat templates put around a text. */
const template = 24

/** The longest of a task's prompts over the first samples, without the model's weights being read. */
export const promptSizes = <A, E, R>(
  { data, model, task }: Pick<Subject<A, E, R>, "data" | "model" | "task">
): Effect.Effect<
  PromptSizes,
  E | ImageError | Question.MissingQuestion | TaskError | TextError | WeightsError,
  R | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function*() {
    const directory = yield* ModelDirectory.open(directoryOf(model))
    const tokenizer = yield* Tokenizer.fromDirectory(directory)
    const preprocessor = yield* Preprocess.fromConfig(directory.preprocessorConfig)
    const side = preprocessor.patchSize * preprocessor.mergeSize
    const textTokens = (sample: Sample<A>) =>
      Effect.gen(function*() {
        const written = yield* PlugIn.encode(task, sample)
        const forms = [["reason", written], ["reconstruct", ""], ["annotate", ""], ["answerOnly", ""]] as const
        const prompts = yield* Effect.forEach(forms, ([form, inside]) => Question.ask(task, form, sample, inside))
        return template + Math.max(...prompts.map(({ text }) => tokenizer.encode(text).length))
      })
    const visualTokens = (sample: Sample<A>) =>
      Effect.map(
        preprocessor.fit(sample.image),
        ({ pixels: { height, width } }) => Math.ceil(height * width / side ** 2)
      )
    const sizes = yield* Stream.take(data, few).pipe(
      Stream.mapEffect((sample) => Effect.all({ text: textTokens(sample), visual: visualTokens(sample) })),
      Stream.runCollect
    )
    const visual = Math.max(0, ...sizes.map((size) => size.visual))
    return { promptTokens: visual + Math.max(1, ...sizes.map(({ text }) => text)), visualTokens: visual }
  })
