/**
 * The paper's pipelines, and the settings they are run with.
 *
 * @module
 */
export { annotate, type Annotated, type AnnotateOptions } from "./annotate.ts"
export * as Presets from "./Presets.ts"
export { rise } from "./rise.ts"
export { riseCot } from "./riseCot.ts"
export { riseR1 } from "./riseR1.ts"
export { sft } from "./sft.ts"
export { forTask, type TaskName } from "./taskPresets.ts"
export { visualRft } from "./visualRft.ts"
export { type Start, warmUp } from "./warmUp.ts"
