/**
 * The paper's pipelines, and what a study of them needs.
 */
export * as Ablations from "./ablations/index.ts"
export { annotate, type Annotated, type AnnotateOptions } from "./annotate.ts"
export { compare, type CompareOptions, equalComputeBaselines, type Methods, methods } from "./compare.ts"
export { evaluate, type EvaluateOptions } from "./evaluate.ts"
export { type Example } from "./examples.ts"
export { type FolderOptions, inFolder, numbered } from "./folder.ts"
export * as Presets from "./presets.ts"
export { report } from "./report/report.ts"
export * as Results from "./results.ts"
export { rise } from "./rise.ts"
export { riseCot } from "./riseCot.ts"
export { riseR1 } from "./riseR1.ts"
export { sft } from "./sft.ts"
export * as Source from "./source.ts"
export { visualRft } from "./visualRft.ts"
export { type Start, warmUp } from "./warmUp.ts"
