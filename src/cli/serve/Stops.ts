/**
 * A completion as it is told: cut before the first text that the request stops at.
 */
import type { Completion, Tokenizer } from "../../policy/Policy.ts"
import { spell, type Spelled } from "../../policy/Spelled.ts"

export interface Told {
  readonly text: string
  /** Tokens that wrote the text, the end of the turn behind them where it was reached and nothing was cut. */
  readonly tokens: ReadonlyArray<Spelled>
  readonly finish: "stop" | "length"
}

export const told = (completion: Completion, tokenizer: Tokenizer, stops: ReadonlyArray<string>): Told => {
  const tokens = spell(completion, tokenizer)
  const { finish, text } = completion
  const at = Math.min(...stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0))
  if (at === Infinity) return { text, tokens, finish }
  // Texts are trimmed: what the tokens wrote may have begun before.
  const before = tokens.map(({ text }) => text).join("").indexOf(text)
  let written = 0
  const kept = tokens.filter((token) => {
    const begins = written
    written += token.text.length
    return !token.end && begins < at + Math.max(0, before)
  })
  return { text: text.slice(0, at), tokens: kept, finish: "stop" }
}
