/** Models as graph-building functions of a Hugging Face config. */
export { attention } from "./Attention.ts"
export * as Config from "./Config.ts"
export { decoder, head } from "./Decoder.ts"
export * as Initialize from "./Initialize.ts"
export * as Parameters from "./Parameters.ts"
export * as Rope from "./Rope.ts"
export { type LayerCache, sequence, type SequenceInputs } from "./Sequence.ts"
export { type Lookup, vision } from "./Vision.ts"
