/**
 * What tasks build their grammars of.
 */
export * as AnswerGrammar from "./AnswerGrammar.ts"
export * as Automaton from "./Automaton.ts"
export * as Trie from "./Trie.ts"
