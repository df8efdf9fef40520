/**
 * What is done with the pipelines: the comparison of methods, the paper's tables, the search for wrong labels, reports.
 *
 * @module
 */
export * as Ablations from "./ablations/index.ts"
export * as Audit from "./audit/index.ts"
export { compare, type CompareOptions, equalComputeBaselines, type Methods, methods, sound } from "./compare.ts"
export { barsOf, type Example } from "./examples.ts"
export { type FolderOptions, inFolder, numbered } from "./folder.ts"
export { labels } from "./labels.ts"
export { paced } from "./paced.ts"
export { report, type ReportOptions } from "./report/report.ts"
