/**
 * Texts as bytes: what grammars are written in for servers whose tokens are not here. A grammar over bytes is one over
 * texts, and so is its regular expression.
 */
import type { Tokenizer } from "../Policy.ts"

const END_OF_TURN = 256

const encoder = new TextEncoder()

export const tokenizer: Tokenizer = {
  encode: (text) => Int32Array.from(encoder.encode(text)),
  vocabularySize: 257,
  endOfTurn: END_OF_TURN,
  specials: new Set([END_OF_TURN])
}
