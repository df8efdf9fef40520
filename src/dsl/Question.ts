/**
 * A question of one's own for each sample, and the prompts that ask it.
 *
 * A task says where the question stands by writing `{question}` into its prompts; tasks without it ask every picture
 * the same.
 *
 * @module
 */
import { Effect, Result, Schema } from "effect"
import type { Prompt } from "../policy/Policy.ts"
import * as PlugIn from "./PlugIn.ts"
import type { Prompts, Sample, Task, TaskError } from "./Task.ts"

/** Stands for the sample's question in a prompt. */
export const placeholder = "{question}"

/** A prompt asks the sample's question, and the sample has none. */
export class MissingQuestion extends Schema.TaggedError<MissingQuestion>()("MissingQuestion", {
  /** Name of the task. */
  task: Schema.String,
  /** The prompt form that asks it. */
  prompt: Schema.Literals(["reason", "reconstruct", "annotate", "answerOnly"]),
  /** Image id of the sample. */
  image: Schema.String
}) {
  override get message() {
    return `task "${this.task}": its ${this.prompt} prompt asks ${placeholder}, and ${this.image} has no question: ` +
      `give the sample a \`question\`, or the task prompts without ${placeholder}`
  }
}

/**
 * A text without anything that could be a tag or a control token. Chains and questions are untrusted: `<|image_pad|>`
 * in one must not become an image in the next prompt. (Such a chain earns nothing anyway: it is no narrative.)
 */
export const withoutTags = (text: string): string => text.includes("<") ? text.replace(/<[^<>]*>/g, " ") : text

/** What fills a prompt beside the question: it is no template, whatever it says. */
const inert = (text: string) => text.includes(placeholder) ? text.replaceAll(placeholder, "question") : text

/** Whether a task asks each sample its own question: whether any of its prompts does. */
export const asks = ({ prompts }: Pick<Task<never>, "prompts">): boolean =>
  [prompts.reason(""), prompts.reconstruct(""), prompts.annotate, prompts.answerOnly].some((text) =>
    text.includes(placeholder)
  )

/**
 * What a task asks about one sample: its picture and the text, the sample's question in place.
 *
 * ```ts
 * Question.ask(task, "reconstruct", sample, "A plain umbrella under a clear sky.")
 * ```
 *
 * @param inside what `reason` and `reconstruct` are about: the written annotation, the reasoning
 */
export const ask = (...about: Parameters<typeof asked>): Effect.Effect<Prompt, MissingQuestion | TaskError> =>
  Effect.suspend(() => Effect.fromResult(asked(...about)))

/** `ask` without an effect, for thousands of them at a time. */
export const asked = (
  task: Pick<Task<never>, "name" | "prompts">,
  form: keyof Prompts,
  sample: Pick<Sample<unknown>, "image" | "question">,
  inside = ""
): Result.Result<Prompt, MissingQuestion | TaskError> => {
  const template = PlugIn.prompt(task, form, inert(inside), sample.image.id)
  if (Result.isFailure(template)) return Result.fail(template.failure)
  const text = template.success
  if (!text.includes(placeholder)) return Result.succeed({ images: [sample.image], text })
  const question = withoutTags(sample.question ?? "").trim()
  return question === ""
    ? Result.fail(new MissingQuestion({ task: task.name, prompt: form, image: sample.image.id }))
    : Result.succeed({ images: [sample.image], text: text.replaceAll(placeholder, () => question) })
}
