/**
 * Tokens as the texts that they add, one after another: what log-probabilities and streamed pieces are told by, and
 * where an answer is found among its tokens.
 */
import type { Completion, Tokenizer } from "./Policy.ts"

export interface Spelled {
  readonly token: number
  /** What it adds to the text before it: nothing where the character that it begins is ended by a later one. */
  readonly text: string
  /** NaN where nothing is known of it. */
  readonly logprob: number
  /** Whether it ended the turn: no part of the text. */
  readonly end: boolean
}

/** Tokens before one that it is spelled with: a tokenizer may write one differently behind others. */
const CONTEXT = 8

/** Spells tokens one after another: what each adds, where it is known whether another follows. */
export const speller = (decode: NonNullable<Tokenizer["decode"]>) => {
  const tokens: Array<number> = []
  /** Where what is not written yet begins, and where what it is read with does. */
  let open = 0
  return (token: number, last: boolean): string => {
    tokens.push(token)
    const from = Math.max(0, open - CONTEXT)
    const whole = decode(tokens.slice(from))
    // Bytes of half a character are written with the rest of it.
    if (whole.endsWith("\ufffd") && !last) return ""
    const text = whole.slice(decode(tokens.slice(from, open)).length)
    open = tokens.length
    return text
  }
}

/** Spells the tokens of a completion. */
export const spell = (
  { logprobs, text, tokens }: Pick<Completion, "logprobs" | "text" | "tokens">,
  { decode, endOfTurn, specials }: Tokenizer
): ReadonlyArray<Spelled> => {
  const of = (token: number, i: number, text: string, end: boolean): Spelled => (
    { token, text, logprob: logprobs[i] ?? NaN, end }
  )
  // Without a spelling the whole text stands with the first.
  if (decode === undefined) return Array.from(tokens, (token, i) => of(token, i, i === 0 ? text : "", false))
  const next = speller(decode)
  return Array.from(tokens, (token, i) => {
    const last = i === tokens.length - 1
    return last && (token === endOfTurn || specials.has(token)) && !text.endsWith(decode([token]))
      ? of(token, i, "", true)
      : of(token, i, next(token, last), false)
  })
}
