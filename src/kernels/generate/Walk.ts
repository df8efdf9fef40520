/** A text's way through a grammar. */
import type { Grammar } from "./Grammar.ts"

/**
 * State of the grammar before each token. A token it forbids ends the walk where it stands: its log-probability is
 * then hugely negative, which is the truth.
 */
export const states = (grammar: Grammar | undefined, tokens: ArrayLike<number>): Int32Array => {
  const states = new Int32Array(tokens.length)
  if (grammar === undefined) return states
  let state = 0
  for (let i = 0; i < tokens.length; i++) {
    states[i] = state
    const cell = state * grammar.vocabulary + (tokens[i] ?? 0)
    if (grammar.allowed[cell] === 1) state = grammar.next[cell] ?? state
  }
  return states
}

/** The tokens up to and with the first that the grammar does not allow, and whether there is one. */
export const within = (
  grammar: Grammar,
  tokens: Int32Array
): { readonly tokens: Int32Array; readonly left: boolean } => {
  const before = states(grammar, tokens)
  const at = tokens.findIndex((token, i) => grammar.allowed[(before[i] ?? 0) * grammar.vocabulary + token] !== 1)
  return at < 0 ? { tokens, left: false } : { tokens: tokens.subarray(0, at + 1), left: true }
}
