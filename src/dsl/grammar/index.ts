/**
 * Format masks: what tasks build their grammars of.
 */
export * as Automaton from "./Automaton.ts"
export * as Frame from "./Frame.ts"
export * as Trie from "./Trie.ts"
