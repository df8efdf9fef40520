/**
 * A picture with what a policy wrote about it, read by its task.
 */
import { Effect, Option, Result } from "effect"
import * as Answer from "../dsl/Answer.ts"
import type * as Rise from "../dsl/Rise.ts"
import type { Task } from "../dsl/Task.ts"
import { confidenceOf, probabilityIn } from "../evaluation/confidence.ts"
import type { Image } from "../kernels/image/Image.ts"
import { Decode, type ImageError } from "../kernels/image/index.ts"
import type { Completion, Prepared, Session, Tokenizer } from "../policy/Policy.ts"

/** A picture with what the policy said about it. */
export interface Annotated<out A> {
  readonly image: Image
  /** The question that it was given with: one picture may be asked several things. Absent where there was none. */
  readonly question?: string
  /** What the policy wrote. */
  readonly text: string
  /** The text inside `<think>`; None without one. */
  readonly reasoning: Option.Option<string>
  /** None where the text holds no annotation; `fault` says why. Tasks that rank give it scores. */
  readonly annotation: Option.Option<A>
  /** Why there is no annotation; None where there is one. */
  readonly fault: Option.Option<string>
  /**
   * Probability of the answer's tokens given the reasoning, as a geometric mean per token, in [0, 1]; among the tokens
   * that the grammar allows, where there is one. None without an annotation, or where a server tells no probabilities.
   * Of several draws of a task of one answer each (`Task.single`): the share of them that agree with the annotation.
   */
  readonly confidence: Option.Option<number>
  /** Whether the text was cut off at `maxTokens` or, under the grammar, closed so as to end within it. */
  readonly closed: boolean
  /**
   * Where several were drawn (`samples`): how many, and how many held no annotation and were left out. `text`,
   * `reasoning`, `closed` and, but for single answers, `confidence` are of the draw that is nearest to the annotation.
   */
  readonly draws?: { readonly of: number; readonly unread: number }
  /** Width and height in pixels, orientation applied; None where the picture cannot be read. */
  readonly size: Option.Option<{ readonly width: number; readonly height: number }>
}

/** What it takes to read an answer. */
export interface Reading<A> {
  readonly task: Task<A>
  readonly form: Rise.Form
  readonly tokenizer: Option.Option<Tokenizer>
}

/** A picture without an answer, and why there is none. */
export const unread = (image: Image, fault: string): Annotated<never> => ({
  image,
  text: "",
  reasoning: Option.none(),
  annotation: Option.none(),
  fault: Option.some(fault),
  confidence: Option.none(),
  closed: false,
  size: Option.none()
})

/** A completion as it is read; the task's own code may throw. */
export const read = <A>(
  { form, task, tokenizer }: Reading<A>,
  image: Image,
  completion: Completion,
  size: Annotated<A>["size"]
): Annotated<A> => {
  const text = Answer.said(form, completion)
  // What a filter has cut off is no annotation, though it may read like one.
  if (completion.fault !== undefined) return { ...unread(image, completion.fault), text, size }
  const { annotation, reasoning } = Answer.parse(task, form, text)
  const probability = probabilityIn(completion, tokenizer)
  const rank = (found: A) =>
    task.rank === undefined || probability === undefined ? found : task.rank(found, completion.text, probability)
  return {
    image,
    text,
    reasoning,
    annotation: Option.map(Result.getSuccess(annotation), rank),
    fault: Option.map(Result.getFailure(annotation), ({ reason, value }) => `${reason}: ${value}`),
    confidence: Result.isSuccess(annotation) ? confidenceOf(completion, tokenizer) : Option.none(),
    closed: completion.finish === "length",
    size
  }
}

/** A picture as it is asked about. */
export const look = (session: Session, image: Image): Effect.Effect<Prepared, ImageError> =>
  session.prepare === undefined
    ? Effect.map(Decode.load(image), ({ own }) => ({ image, ...own }))
    : session.prepare(image)
