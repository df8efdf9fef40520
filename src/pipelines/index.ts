/**
 * The paper's pipelines, and the settings they are run with.
 *
 * @module
 */
export { annotate, type Annotated, type AnnotateOptions } from "./annotate.ts"
export { type Annotator, annotator } from "./annotator.ts"
export {
  type Budgeted,
  everything,
  fewer,
  leastTaught,
  type Left,
  type Line,
  lines,
  type Method,
  methodNames,
  total,
  within
} from "./budget.ts"
export { ConfigError } from "./Config.ts"
export * as Config from "./Config.ts"
export { type Cost, cost, embeddedPace, type Pace, type Sizes } from "./cost.ts"
export { factsOf, fitted, type Subject } from "./facts.ts"
export { type Filed, filed } from "./filed.ts"
export { type Facts, fit, rateOf } from "./fit.ts"
export { type How, type Memory, memory, type Run } from "./memory.ts"
export { pace } from "./pace.ts"
export { pacing, type Timed } from "./pacing.ts"
export { parametersOf } from "./parameters.ts"
export * as Presets from "./Presets.ts"
export { rise } from "./rise.ts"
export { riseCot } from "./riseCot.ts"
export { riseR1 } from "./riseR1.ts"
export { sft } from "./sft.ts"
export { forTask, type TaskName } from "./taskPresets.ts"
export { visualRft } from "./visualRft.ts"
export { type Start, warmUp } from "./warmUp.ts"
