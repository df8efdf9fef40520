/** Walks over grammars: following a text, and drawing one. */
import { assert } from "@effect/vitest"
import type { Grammar } from "../../src/kernels/generate/Grammar.ts"
import { Keyed } from "../../src/kernels/math/index.ts"
import type { TestVocabulary } from "./classification/tokenizers.ts"

/** The state after the tokens, or undefined where one is refused. */
export const follow = (grammar: Grammar, tokens: Iterable<number>): number | undefined => {
  let state = 0
  for (const token of tokens) {
    if (grammar.allowed[state * grammar.vocabulary + token] !== 1) return undefined
    state = grammar.next[state * grammar.vocabulary + token]!
  }
  return state
}

/** A uniformly random walk until the end of turn, after `text` steps of free text at most. */
export const walk = (grammar: Grammar, vocabulary: TestVocabulary, seed: number): Array<number> => {
  const draw = Keyed.stream(seed, "walk")
  const tokens: Array<number> = []
  const closing = vocabulary.encode("</think>")[0]!
  for (let state = 0; tokens.length < 500;) {
    const from = state * grammar.vocabulary
    const choices: Array<number> = []
    for (let token = 0; token < grammar.vocabulary; token++) {
      if (grammar.allowed[from + token] === 1) choices.push(token)
    }
    if (choices.length === 0) assert.fail("a state without a way on")
    const token = tokens.length > 20 && choices.includes(closing) ? closing : draw.pick(choices)
    if (token === vocabulary.endOfTurn) return tokens
    tokens.push(token)
    state = grammar.next[state * grammar.vocabulary + token]!
  }
  return assert.fail("a walk that does not end")
}
