/**
 * Numbers without a model: divergences, overlap of boxes, assignment, keyed randomness.
 */
export * as Assignment from "./Assignment.ts"
export { auroc } from "./Auroc.ts"
export * as Divergence from "./Divergence.ts"
export * as Finite from "./Finite.ts"
export * as Iou from "./Iou.ts"
export * as Keyed from "./Keyed.ts"
export * as Rules from "./Rules.ts"
export { spearman } from "./Spearman.ts"
