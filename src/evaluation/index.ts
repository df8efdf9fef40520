/**
 * One evaluation for every method: figures, predictions, and the table of them.
 *
 * @module
 */
export { evaluate, evaluateConstant, type EvaluateOptions, masked } from "./evaluate.ts"
export * as Results from "./results.ts"
export { table } from "./table.ts"
