/**
 * How sure a policy was of a part of what it wrote.
 */
import { Option } from "effect"
import type { Completion, Tokenizer } from "../policy/Policy.ts"

/**
 * Mean probability of the tokens that wrote characters of a completion; undefined where nothing is known of them.
 *
 * A remote server says where its tokens end. A local policy's text is spelled again: its beginning is spelled alone as
 * it was within the whole, up to a token at its end that reaches over it.
 *
 * @param tokenizer a local policy's
 */
export const probabilityIn = (
  { ends, logprobs, text, tokens }: Completion,
  tokenizer: Option.Option<Tokenizer>
): ((from: number, to: number) => number) | undefined => {
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
    const end = Math.min(last, Math.max(start + 1, begun(to)))
    return logprobs.subarray(start, end).reduce((sum, logprob) => sum + Math.exp(logprob), 0) / (end - start)
  }
}
