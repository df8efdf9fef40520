/**
 * The language: stages, tasks, data sets, rewards, and the run they belong to.
 */
export * as Policy from "../policy/layers.ts"
export * as Advantage from "./Advantage.ts"
export * as Dataset from "./Dataset.ts"
export * as Fingerprint from "./Fingerprint.ts"
export * as Group from "./Group.ts"
export * as Judge from "./Judge.ts"
export * as Progress from "./Progress.ts"
export * as Quarantine from "./Quarantine.ts"
export * as Question from "./Question.ts"
export * as Reward from "./Reward.ts"
export * as Rise from "./Rise.ts"
export { type Figures, Run } from "./Run.ts"
export { type RunError, RunFileError, RunFolderExists, RunFolderInUse, RunFolderMismatch } from "./RunError.ts"
export * as Task from "./Task.ts"
export * as Telemetry from "./Telemetry.ts"
