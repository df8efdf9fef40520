/** The words of the fixtures as a tokenizer that a policy shows. */
import { Effect, Option } from "effect"
import { Tokenizer, WordTokenizer } from "../../../src/kernels/text/index.ts"
import type { Tokenizer as Spelling } from "../../../src/policy/Policy.ts"
import { specials, words } from "../../fixtures/text.ts"

export const own = Effect.runSync(Tokenizer.fromJson(WordTokenizer.tokenizerJson(words, specials), {}))
export const end = Option.getOrThrow(own.tokenId("<|im_end|>"))
export const tokenizer: Spelling = {
  encode: own.encode,
  decode: (tokens) => own.decode(tokens),
  vocabularySize: own.size,
  endOfTurn: end,
  specials: new Set([end])
}
