/**
 * Which data a task reads: a folder of the user's in the layout that its data set is shipped in, or the embedded
 * scenes.
 *
 * @module
 */
export { cocoSub } from "./cocoSub.ts"
export { imagenetSub } from "./imagenetSub.ts"
export { lisa } from "./lisa.ts"
export { meanBox, meanDistribution } from "./means.ts"
export { softLabels, type SourceOptions } from "./softLabels.ts"
export { type Fault, type Options, type Source, type TaskSource, verified } from "./Source.ts"
