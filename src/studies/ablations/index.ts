/**
 * The paper's experiments as one grid of resumable cells, and its tables.
 *
 * @module
 */
export * as Cell from "./Cell.ts"
export * as Estimate from "./Estimate.ts"
export * as Figures from "./Figures.ts"
export * as Grid from "./Grid.ts"
export { type SubjectOptions, subjects } from "./paperTasks.ts"
export * as Render from "./Render.ts"
export * as Subject from "./Subject.ts"
export * as Tables from "./Tables.ts"
