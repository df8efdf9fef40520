/** Objectives, the graphs of training and scoring, the optimiser and its schedules. */
export * as AdamW from "./AdamW.ts"
export * as Frozen from "./Frozen.ts"
export * as Lora from "./Lora.ts"
export * as LossGraphs from "./LossGraphs.ts"
export * as Objectives from "./Objectives.ts"
export * as ParameterStore from "./ParameterStore.ts"
export * as Schedule from "./Schedule.ts"
