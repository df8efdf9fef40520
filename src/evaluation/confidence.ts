/**
 * How sure a policy was of a part of what it wrote.
 */
import { Option } from "effect"
import type { Completion, Tokenizer } from "../policy/Policy.ts"

/**
 * First and last (exclusive) of the tokens that wrote characters of a completion; undefined where nothing is known of
 * its tokens.
 *
 * A remote server says where its tokens end. A local policy's text is spelled again: its beginning is spelled alone as
 * it was within the whole, up to a token at its end that reaches over it.
 */
const tokensIn = (
  { ends, logprobs, text, tokens }: Completion,
  tokenizer: Option.Option<Tokenizer>
): ((from: number, to: number) => readonly [start: number, end: number]) | undefined => {
  if (logprobs.length === 0 || (ends === undefined && Option.isNone(tokenizer))) return undefined
  // The end of turn is a token of the completion and no part of its text.
  const last = ends === undefined ? Math.min(logprobs.length, tokens.length) : logprobs.length
  /** Tokens that end by a character, and those that begin before it. */
  const ended = (at: number) =>
    ends?.filter((end) => end <= at).length ??
      Option.match(tokenizer, { onNone: () => 0, onSome: ({ encode }) => encode(text.slice(0, at)).length })
  const begun = (at: number) => ends === undefined ? ended(at) : ended(at - 1) + 1
  return (from, to) => {
    const start = Math.min(last - 1, ended(from))
    return [start, Math.min(last, Math.max(start + 1, begun(to)))]
  }
}

/**
 * Mean probability of the tokens that wrote characters of a completion; undefined where nothing is known of them.
 *
 * @param tokenizer a local policy's
 */
export const probabilityIn = (
  completion: Completion,
  tokenizer: Option.Option<Tokenizer>
): ((from: number, to: number) => number) | undefined => {
  const span = tokensIn(completion, tokenizer)
  return span && ((from, to) => {
    const [start, end] = span(from, to)
    return completion.logprobs.subarray(start, end).reduce((sum, logprob) => sum + Math.exp(logprob), 0) / (end - start)
  })
}

/** Characters of the answer: what stands between its tags, all of a text without them. */
const answerIn = (text: string): readonly [from: number, to: number] => {
  const [open, close] = ["<answer>", "</answer>"]
  const tag = text.lastIndexOf(open)
  if (tag < 0) return [0, text.length]
  const from = tag + open.length
  const to = text.indexOf(close, from)
  return [from, to < 0 ? text.length : to]
}

/**
 * How sure a policy was of its answer, given its reasoning: the probability of the answer's tokens as a geometric mean
 * per token, exp(mean log p), in [0, 1]. None where nothing is known of the tokens. Under a grammar log-probabilities
 * are those among the allowed tokens.
 *
 * @param tokenizer a local policy's
 */
export const confidenceOf = (completion: Completion, tokenizer: Option.Option<Tokenizer>): Option.Option<number> => {
  const span = tokensIn(completion, tokenizer)
  const [from, to] = answerIn(completion.text)
  if (span === undefined || from === to) return Option.none()
  const [start, end] = span(from, to)
  return Option.some(
    Math.exp(completion.logprobs.subarray(start, end).reduce((sum, logprob) => sum + logprob, 0) / (end - start))
  )
}
