/**
 * The two rewards of the paper.
 *
 * - eq. 1: R = S(A, Â) · 1{L(R, A) = 0 ∧ F_CoT(R, Â) = 1}, for the closed loop of RISE-CoT;
 * - eq. 9: R_R1 = S(A, Â) · 1{F_R1 = 1}, for the think-answer of RISE-R1.
 *
 * Both are in [0, 1] whatever the model wrote. Every zero that is not a bad similarity carries the reason it was given.
 *
 * @module
 */
import { Option, Result } from "effect"
import { withoutEndOfTurn } from "../kernels/text/TurnMarks.ts"
import { narrative } from "./Format.ts"
import * as Leakage from "./Leakage.ts"
import { type FormatReason, type LeakReason, type Sample, shown, type Task, TaskError, type Turn } from "./Task.ts"
import * as ThinkAnswer from "./ThinkAnswer.ts"

/** Why a reward is what it is; counted by name in the metrics. */
export type Verdict = "ok" | "leak" | "format-reasoning" | "format-annotation" | "judge"

/** A reward and everything that the next step needs of it. */
export interface Scored<out A> {
  /** In [0, 1]. */
  readonly reward: number
  /** Why the reward is what it is. */
  readonly verdict: Verdict
  /** What was wrong, where something was. */
  readonly detail: Option.Option<FormatReason | LeakReason>
  /** The decoded annotation, also where a leak made the reward 0. */
  readonly annotation: Option.Option<A>
}

/** Parts that the ablation of the paper's Table 5 switches off. */
export interface Options {
  /** Check L(R, A) = 0. Default true. */
  readonly leak?: boolean
  /** Check F. Default true. Without it a text that does not decode still earns 0: S is not defined there. */
  readonly format?: boolean
  /** Let F refuse a reasoning that repeats itself (`repetition`). Default true. */
  readonly repetition?: boolean
}

/** F of eq. 1: `Format`. */
export { minimumWords, narrative, type NarrativeOptions, repetition } from "./Format.ts"
/** How a think-answer is written and read: `ThinkAnswer`. */
export { read as readThinkAnswer, type ThinkAnswer, write as writeThinkAnswer } from "./ThinkAnswer.ts"

/** What a similarity is given where nobody has said what was asked: it fails when it is looked at. */
const unknownTurn = <A>({ name: task }: Pick<Task<A>, "name">, truth: A): Turn<A> => ({
  truth,
  get image(): never {
    throw new TaskError({ task, reason: "its similarity looks at the sample, and was given none: give `sample`" })
  }
})

/**
 * S, held to its law: rounding is forgiven, anything else outside [0, 1] is the plug-in's mistake and says so.
 *
 * @throws TaskError
 */
export const similarity = <A>(
  task: Pick<Task<A>, "encode" | "name" | "similarity">,
  truth: A,
  predicted: A,
  turn?: Turn<A>
): number => {
  const value = task.similarity(truth, predicted, turn ?? unknownTurn(task, truth))
  if (!(value >= -1e-9 && value <= 1 + 1e-9)) {
    throw new TaskError({
      task: task.name,
      reason: `similarity returned ${value} for "${task.encode(predicted)}", expected [0, 1]`
    })
  }
  return Math.min(1, Math.max(0, value))
}

/** The turn of a sample and the reasoning that was read. */
export const turnOf = <A>(sample: Sample<A>, reasoning: Option.Option<string>): Turn<A> =>
  Option.isSome(reasoning) ? { ...sample, reasoning: reasoning.value } : sample

/** Reads a bare annotation: white space around it and an end of turn left behind it are not the task's concern. */
export const readAnswer = <A>(
  task: Pick<Task<A>, "decode" | "name">,
  text: string
): Result.Result<A, FormatReason> => {
  const read = task.decode(withoutEndOfTurn(text))
  if (Result.isResult(read)) return read
  throw new TaskError({ task: task.name, reason: `decode gave ${shown(read)}, expected a Result` })
}

/** L(R, A) by the task's own rule or, without one, by numeric content. */
export const leak = <A>(task: Task<A>) => (reasoning: string, truth: A): Option.Option<LeakReason> => {
  if (task.leaks === undefined) {
    return Leakage.numeric(reasoning, { coordinates: Leakage.numbersIn(task.encode(truth)) })
  }
  const quoted = task.leaks(reasoning, truth)
  if (Option.isOption(quoted)) return quoted
  throw new TaskError({ task: task.name, reason: `leaks gave ${shown(quoted)}, expected an Option` })
}

const refused = <A>(
  verdict: Verdict,
  detail: FormatReason | LeakReason,
  annotation: Option.Option<A> = Option.none()
): Scored<A> => ({ reward: 0, verdict, detail: Option.some(detail), annotation })

const paid = <A>(task: Task<A>, truth: A, predicted: A, turn: Turn<A> | undefined): Scored<A> => ({
  reward: similarity(task, truth, predicted, turn),
  verdict: "ok",
  detail: Option.none(),
  annotation: Option.some(predicted)
})

/**
 * Eq. 1: scores one turn of the closed loop. `reconstruction` is the text the policy wrote from image and reasoning;
 * `sample` is for similarities that look at it. The task's judge is not asked here (`Judge.pay`).
 *
 * @throws TaskError where the task's similarity breaks its law
 */
export const cot = <A>(task: Task<A>, options: Options = {}) => {
  const leaks = leak(task)
  return (
    turn: {
      readonly truth: A
      readonly reasoning: string
      readonly reconstruction: string
      readonly sample?: Sample<A>
    }
  ): Scored<A> => {
    const decoded = readAnswer(task, turn.reconstruction)
    const annotation = Result.getSuccess(decoded)
    if (options.leak !== false) {
      const quoted = leaks(turn.reasoning, turn.truth)
      if (Option.isSome(quoted)) return refused("leak", quoted.value, annotation)
    }
    if (options.format !== false) {
      const fault = narrative(turn.reasoning, options)
      if (Option.isSome(fault)) return refused("format-reasoning", fault.value, annotation)
    }
    return Result.isFailure(decoded)
      ? refused("format-annotation", decoded.failure)
      : paid(
        task,
        turn.truth,
        decoded.success,
        turn.sample === undefined ? undefined : turnOf(turn.sample, Option.some(turn.reasoning))
      )
  }
}

/** What a think-answer holds, whatever it is worth. */
export interface Read<out A> {
  readonly reasoning: Option.Option<string>
  readonly annotation: Result.Result<A, FormatReason>
  /** Whether the text keeps the form, whatever stands in its answer. */
  readonly formed: boolean
}

/**
 * Reads a think-answer without a truth to compare it with. `format` false takes what could be the answer of a text that
 * does not keep the form.
 */
export const parseThinkAnswer = <A>(
  task: Pick<Task<A>, "decode" | "name">,
  text: string,
  { format = true }: Pick<Options, "format"> = {}
): Read<A> => {
  const parts = ThinkAnswer.read(text)
  return {
    reasoning: Option.map(Result.getSuccess(parts), ({ reasoning }) => reasoning),
    annotation: Result.isSuccess(parts)
      ? readAnswer(task, parts.success.answer)
      : format
      ? Result.fail(parts.failure)
      : readAnswer(task, ThinkAnswer.loose(text)),
    formed: Result.isSuccess(parts)
  }
}

/**
 * What was read, paid by S; nothing where it could not be read.
 *
 * @throws TaskError where the task's similarity breaks its law
 */
export const scored = <A>(
  task: Task<A>,
  truth: A,
  annotation: Result.Result<A, FormatReason>,
  formed: boolean,
  turn?: Turn<A>
): Scored<A> =>
  Result.isSuccess(annotation)
    ? paid(task, truth, annotation.success, turn)
    : refused(formed ? "format-annotation" : "format-reasoning", annotation.failure)

/** A scored think-answer with the reasoning that was found in it. */
export interface ScoredThinkAnswer<out A> extends Scored<A> {
  /** The text inside `<think>`; None where the text has no such part. */
  readonly reasoning: Option.Option<string>
}

/**
 * Eq. 9: scores a think-answer. Leakage is not looked at: here the reasoning may say what it concludes.
 *
 * @throws TaskError where the task's similarity breaks its law
 */
export const r1 = <A>(task: Task<A>, options: Pick<Options, "format"> = {}) =>
(
  { sample, text, truth }: { readonly truth: A; readonly text: string; readonly sample?: Sample<A> }
): ScoredThinkAnswer<A> => {
  const { annotation, formed, reasoning } = parseThinkAnswer(task, text, options)
  const turn = sample === undefined ? undefined : turnOf(sample, reasoning)
  return { ...scored(task, truth, annotation, formed || options.format === false, turn), reasoning }
}
