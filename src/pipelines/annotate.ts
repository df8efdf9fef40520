/**
 * Annotating pictures nobody has labelled: greedy think-answers, read and streamed in order.
 */
import { Effect, Option, Result, Stream } from "effect"
import * as Answer from "../dsl/Answer.ts"
import * as PolicyGrammar from "../dsl/grammar/PolicyGrammar.ts"
import * as PlugIn from "../dsl/PlugIn.ts"
import * as Rise from "../dsl/Rise.ts"
import { lengths } from "../dsl/stages/Settings.ts"
import type { Task } from "../dsl/Task.ts"
import * as Asking from "../evaluation/Asking.ts"
import type { Image } from "../kernels/image/Image.ts"
import { Decode } from "../kernels/image/index.ts"
import { Policy } from "../policy/Policy.ts"

/** A picture with what the policy said about it. */
export interface Annotated<out A> {
  readonly image: Image
  /** What the policy wrote. */
  readonly text: string
  /** The text inside `<think>`; None without one. */
  readonly reasoning: Option.Option<string>
  /** None where the text holds no annotation; `fault` says why. */
  readonly annotation: Option.Option<A>
  /** Why there is no annotation; None where there is one. */
  readonly fault: Option.Option<string>
}

/** Options of `annotate`. */
export interface AnnotateOptions {
  /** Default "think". */
  readonly form?: Rise.Form
  /** Default 224. */
  readonly maxTokens?: number
  /** Default "mask": an annotator should not miss the format. */
  readonly grammar?: Rise.GrammarMode
  /** What is asked about every image, for tasks that ask a question. */
  readonly question?: string
}

const readText = <A>(task: Task<A>, form: Rise.Form, text: string) => {
  const { annotation, reasoning } = Answer.parse(task, form, text)
  return {
    reasoning,
    annotation: Result.getSuccess(annotation),
    fault: Option.map(Result.getFailure(annotation), ({ reason, value }) => `${reason}: ${value}`)
  }
}

/** Annotates a stream of images, a batch at a time; memory does not grow with their number. */
export const annotate =
  <A>(task: Task<A>, options: AnnotateOptions = {}) => <E, R>(images: Stream.Stream<Image, E, R>) =>
    Stream.unwrap(Effect.gen(function*() {
      const { form = "think", grammar: mode = "mask", maxTokens = lengths.thinkAnswer, question } = options
      const policy = yield* Policy
      const { prompts } = yield* Rise.Batching
      const grammar = yield* PolicyGrammar.where(mode, PolicyGrammar.ofAnswer(task, form))
      const session = yield* policy.session
      const { ask } = yield* Asking.make({ session, sampling: { maxTokens, temperature: 0, grammar } })
      return images.pipe(
        // One unreadable picture must not take the others with it.
        Stream.mapEffect(
          (image) =>
            Effect.map(Effect.result(Decode.load(image)), (pixels) => ({ image, error: Result.getFailure(pixels) })),
          { concurrency: 4 }
        ),
        Stream.grouped(prompts),
        Stream.mapEffect((batch) =>
          Effect.gen(function*() {
            const good = batch.filter(({ error }) => Option.isNone(error)).map(({ image }) => image)
            const requests = yield* Effect.forEach(good, (image) =>
              Effect.map(
                Answer.ask(task, form, { image, ...(question === undefined ? {} : { question }) }),
                (prompt) => ({
                  prompt,
                  key: `annotate/sample=${image.id}`
                })
              ))
            const completions = yield* ask(requests)
            return yield* Effect.forEach(batch, ({ error, image }) =>
              PlugIn.run(task, { image }, (): Annotated<A> => {
                if (Option.isSome(error)) {
                  return {
                    image,
                    text: "",
                    reasoning: Option.none(),
                    annotation: Option.none(),
                    fault: Option.some(error.value.message)
                  }
                }
                const completion = completions[good.indexOf(image)]
                const fault = completion?.fault
                const text = completion === undefined ? "" : Answer.said(form, completion)
                // What a filter has cut off is no annotation, though it may read like one.
                return fault === undefined
                  ? { image, text, ...readText(task, form, text) }
                  : { image, text, reasoning: Option.none(), annotation: Option.none(), fault: Option.some(fault) }
              }))
          })
        ),
        Stream.flattenIterable
      )
    }))
