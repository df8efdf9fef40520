/**
 * What the embedded checkpoint is pretrained on.
 */
export * as Corpus from "./Corpus.ts"
export * as Vocabulary from "./Vocabulary.ts"
