/**
 * Annotating pictures as they come, each by itself: what a server does, where `annotate` goes through a list.
 */
import { Effect, Option } from "effect"
import * as Answer from "../dsl/Answer.ts"
import * as PolicyGrammar from "../dsl/grammar/PolicyGrammar.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Provided from "../dsl/Provided.ts"
import type { MissingQuestion } from "../dsl/Question.ts"
import { lengths } from "../dsl/stages/Settings.ts"
import type { Task, TaskError } from "../dsl/Task.ts"
import type { Image } from "../kernels/image/Image.ts"
import type { ImageError } from "../kernels/image/index.ts"
import type { PolicyError } from "../policy/Policy.ts"
import { type Annotated, look, read, unread } from "./Annotated.ts"
import { type AnnotateOptions, check } from "./annotateOptions.ts"
import * as Pictured from "./Pictured.ts"

/** Annotates one picture, with the question that is asked about it where the task asks one. */
export type Annotator<A> = (
  image: Image,
  question?: string
) => Effect.Effect<Annotated<A>, ImageError | MissingQuestion | PolicyError | TaskError>

/**
 * Opens a session and compiles the grammar once. Unlike in a list, a picture that cannot be read is a failure: whoever
 * sent it is there to be told.
 */
export const annotator = Effect.fnUntraced(function*<A>(
  task: Task<A>,
  options: Omit<AnnotateOptions, "batch" | "question" | "samples" | "skip"> = {}
) {
  yield* check(options)
  const { form = "think", grammar: mode = "mask", maxTokens = lengths.thinkAnswer } = options
  const { tokenizer, ...policy } = yield* Provided.policy("annotator")
  const grammar = yield* PolicyGrammar.where(mode, PolicyGrammar.ofAnswer(task, form))
  const session = yield* policy.session
  const one: Annotator<A> = Effect.fnUntraced(function*(image, question) {
    const asked = yield* Pictured.read({ image, ...(question === undefined ? {} : { question }) }, undefined)
    const { image: prepared, ...size } = yield* look(session, image)
    const prompt = yield* Answer.ask(task, form, { ...asked, image: prepared })
    const [group] = yield* session.sample([{ prompt, key: `annotate/sample=${image.id}` }], {
      count: 1,
      maxTokens,
      temperature: 0,
      grammar
    })
    const [completion] = group ?? []
    return yield* PlugIn.run(
      task,
      { image },
      () =>
        completion === undefined
          ? unread(image, "no answer")
          : read({ task, form, tokenizer }, image, completion, Option.some(size))
    )
  })
  return one
})
