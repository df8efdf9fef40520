/** Generation: prefill, decode loop, sampler and grammars. */
export * as Distance from "./Distance.ts"
export type { Grammar, Texts } from "./Grammar.ts"
export * as Portable from "./Portable.ts"
export * as Regex from "./Regex.ts"
export { ownShape, rollout, type RolloutShape, sequenceInputs } from "./Rollout.ts"
export { sample, type SamplerInputs, type Sampling } from "./Sampler.ts"
export { prefill, type Resident, step } from "./Step.ts"
export * as Walk from "./Walk.ts"
