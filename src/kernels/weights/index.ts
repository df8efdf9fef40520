/**
 * Weights on disk: safetensors files, Hugging Face model directories and PEFT adapters.
 */
export * as ChatTemplateFile from "./ChatTemplateFile.ts"
export * as GitLfs from "./GitLfs.ts"
export * as Json from "./Json.ts"
export * as ModelDirectory from "./ModelDirectory.ts"
export * as Peft from "./Peft.ts"
export * as Quantize from "./Quantize.ts"
export * as Recorded from "./Recorded.ts"
export * as Safetensors from "./Safetensors.ts"
export * as WeightCache from "./WeightCache.ts"
export { WeightsError } from "./WeightsError.ts"
export * as Written from "./Written.ts"
