/**
 * One evaluation for every method: figures, predictions, and the table of them.
 *
 * @module
 */
export { evaluate, evaluateConstant, masked } from "./evaluate.ts"
export * as Groundedness from "./Groundedness.ts"
export { imageSwap, type ImageSwapOptions } from "./imageSwap/ImageSwap.ts"
export { type EvaluateOptions } from "./Options.ts"
export { standardErrors, standardErrorsOf } from "./paired.ts"
export * as Results from "./Results.ts"
export { table } from "./table.ts"
export { comparedWith, Measured, type Verdict, verdict } from "./verdict.ts"
