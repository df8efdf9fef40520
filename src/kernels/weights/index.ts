/**
 * Weights on disk: safetensors files and Hugging Face model directories.
 */
export * as ModelDirectory from "./ModelDirectory.ts"
export * as Safetensors from "./Safetensors.ts"
export { WeightsError } from "./WeightsError.ts"
