/**
 * How sure a policy was of a part of what it wrote.
 */
import { Option } from "effect"
import type { Completion, Tokenizer } from "../policy/Policy.ts"
import { spell } from "../policy/Spelled.ts"

/**
 * Where the tokens of a local policy end in its text, which is trimmed; undefined where they cannot be spelled one by
 * one. The text is not encoded again: a model may write in two tokens what an encoder writes in one.
 */
const spelled = (completion: Completion, tokenizer: Tokenizer): Int32Array | undefined => {
  if (tokenizer.decode === undefined) return undefined
  let whole = ""
  const ends = spell(completion, tokenizer).flatMap(({ end, text }) => {
    whole += text
    return end ? [] : [whole.length]
  })
  const begins = whole.length - whole.trimStart().length
  const { text } = completion
  return whole.trim() === text
    ? Int32Array.from(ends, (end) => Math.min(text.length, Math.max(0, end - begins)))
    : undefined
}

/**
 * First and last (exclusive) of the tokens that wrote characters of a completion; undefined where nothing is known of
 * its tokens. A remote server says where its tokens end.
 */
const tokensIn = (
  completion: Completion,
  tokenizer: Option.Option<Tokenizer>
): ((from: number, to: number) => readonly [start: number, end: number]) | undefined => {
  const ends = completion.ends ?? Option.getOrUndefined(Option.map(tokenizer, (local) => spelled(completion, local)))
  // The end of turn is a token of the completion and no part of its text.
  const last = Math.min(completion.logprobs.length, ends?.length ?? 0)
  if (ends === undefined || last === 0) return undefined
  /** Tokens that end by a character. */
  const ended = (at: number) => ends.filter((end) => end <= at).length
  return (from, to) => {
    const start = Math.min(last - 1, ended(from))
    return [start, Math.min(last, Math.max(start + 1, ended(to - 1) + 1))]
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

/** Decimals beyond which a float32 tells of rounding alone. */
const [most, least] = [8, 4]

/** A confidence in four significant digits, of what it lacks of 1 too: answers that are nearly sure stay in order. */
export const rounded = (confidence: number): number => {
  if (!(confidence > 0.5)) return Number(confidence.toPrecision(least))
  const nines = Math.floor(-Math.log10(Math.max(1 - confidence, 10 ** -most)))
  return Number(confidence.toFixed(Math.min(most, least + nines)))
}
