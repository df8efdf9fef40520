/**
 * Which data a task reads: a folder of the user's in the layout that its data set is shipped in, or the embedded
 * scenes. `pictures` reads a user's own, however they are laid out, and makes the task of them.
 *
 * @module
 */
export * as Apart from "./Apart.ts"
export { asideLines, type AsideOptions } from "./asideLines.ts"
export { cocoSub } from "./cocoSub.ts"
export { imagenetSub } from "./imagenetSub.ts"
export { lisa } from "./lisa.ts"
export { meanBox, meanBoxes, meanDistribution } from "./means.ts"
export { type Overlap, overlap } from "./overlap.ts"
export { type BoxedPictures, type LabelledPictures, type Pictures, pictures, type PicturesOptions } from "./pictures.ts"
export { hasManifests, softLabels, type SourceOptions } from "./softLabels.ts"
export { type Fault, type Options, type Source, type TaskSource, verified } from "./Source.ts"
export {
  type SavedClassification,
  type SavedDetection,
  type SavedTask,
  TaskFileError,
  TaskInCode,
  taskOf
} from "./taskOf.ts"
export { understood } from "./understood.ts"
