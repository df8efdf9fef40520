/** The grammar of a reasoning: any text without control tokens and tags, and not none. */
import { type Grammar, Regex } from "../../kernels/generate/index.ts"
import type { Tokenizer } from "../../policy/Policy.ts"
import * as AnswerGrammar from "./AnswerGrammar.ts"

/** One per tokenizer. */
const made = new WeakMap<Tokenizer, Grammar>()

const compile = ({ encode, endOfTurn, specials, vocabularySize: vocabulary }: Tokenizer): Grammar => {
  const control = AnswerGrammar.controlTokens({ encode, endOfTurn, specials })
  const [empty, begun, ended] = [0, 1, 2]
  const states = 3
  const allowed = new Uint8Array(states * vocabulary)
  const next = new Int32Array(states * vocabulary)
  for (const state of [empty, begun]) {
    for (let token = 0; token < vocabulary; token++) {
      if (control.has(token)) continue
      allowed[state * vocabulary + token] = 1
      next[state * vocabulary + token] = begun
    }
  }
  for (const state of [begun, ended]) {
    allowed[state * vocabulary + endOfTurn] = 1
    next[state * vocabulary + endOfTurn] = ended
  }
  return {
    id: `reasoning/${vocabulary}/${endOfTurn}/${[...control].sort((a, b) => a - b).join(",")}`,
    states,
    vocabulary,
    allowed,
    next,
    texts: (characters) => ({ regex: Regex.freeText(characters).join("") })
  }
}

/** Made once for a tokenizer. Whether a text is worth anything as a reasoning is for `Reward` to say. */
export const of = (tokenizer: Tokenizer): Grammar => {
  const known = made.get(tokenizer)
  if (known !== undefined) return known
  const grammar = compile(tokenizer)
  made.set(tokenizer, grammar)
  return grammar
}
