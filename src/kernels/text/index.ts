/**
 * Text for language models: tokenizers and chat templates.
 */
export * as ChatTemplate from "./ChatTemplate.ts"
export { TextError } from "./TextError.ts"
export * as Tokenizer from "./Tokenizer.ts"
export * as WordTokenizer from "./WordTokenizer.ts"
