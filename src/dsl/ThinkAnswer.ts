/**
 * `<think>…</think><answer>…</answer>`: how a think-answer is written, and how untrusted text is read as one.
 *
 * White space before, between and after the tags is free, as it is in open-r1, Visual-RFT and VLM-R1: models write a
 * newline there. Inside the tags it is trimmed. An end of turn that was left in the text is ignored. Nothing else may
 * stand outside.
 */
import { Result } from "effect"
import { withoutEndOfTurn } from "../kernels/text/TurnMarks.ts"
import type { TargetSegment } from "../policy/Policy.ts"
import { type FormatReason, formatReason } from "./Task.ts"

/** The two parts of a think-answer. */
export interface ThinkAnswer {
  /** The text inside `<think>`, trimmed. */
  readonly reasoning: string
  /** The text inside `<answer>`, trimmed. */
  readonly answer: string
}

const open = "<think>"
const close = "</answer>"
const middle = /<\/think>\s*<answer>/

const before = (reasoning: string): string => `${open}${reasoning}</think><answer>`

/** `<think>reasoning</think><answer>answer</answer>`: what the student learns to write. */
export const write = (reasoning: string, answer: string): string => `${before(reasoning)}${answer}${close}`

/**
 * The same as a supervised target, whose answer may weigh more in the loss than what stands around it, which weighs 1.
 */
export const segments = (
  reasoning: string,
  answer: TargetSegment
): ReadonlyArray<TargetSegment> => [{ text: before(reasoning), weight: 1 }, answer, { text: close, weight: 1 }]

/** A tag of the think-answer itself: none may hide in its parts. */
const innerTag = /<\/?(?:think|answer)>/

/**
 * Reads a think-answer with a non-empty think and no further tag. Total on arbitrary text, and linear in its length.
 */
export const read = (text: string): Result.Result<ThinkAnswer, FormatReason> => {
  const whole = withoutEndOfTurn(text)
  if (!whole.startsWith(open)) return Result.fail(formatReason("no-think", text))
  const split = middle.exec(whole)
  if (split === null) return Result.fail(formatReason("no-answer", text))
  const answerFrom = split.index + split[0].length
  if (!whole.endsWith(close) || whole.length < answerFrom + close.length) {
    return Result.fail(formatReason("answer-not-closed", whole.slice(split.index)))
  }
  const reasoning = whole.slice(open.length, split.index).trim()
  const answer = whole.slice(answerFrom, -close.length).trim()
  const extra = innerTag.exec(reasoning) ?? innerTag.exec(answer)
  if (extra !== null) return Result.fail(formatReason("extra-tag", extra[0]))
  if (reasoning === "") return Result.fail(formatReason("empty-think", text))
  return Result.succeed({ reasoning, answer })
}

/** What could be the answer of a text that need not keep the format: the ablation without F. */
export const loose = (text: string): string => {
  const whole = withoutEndOfTurn(text)
  const opened = whole.indexOf("<answer>")
  if (opened < 0) return whole.split("</think>").at(-1) ?? whole
  const inside = whole.slice(opened + "<answer>".length)
  const closed = inside.search(innerTag)
  return closed < 0 ? inside : inside.slice(0, closed)
}
