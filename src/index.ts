/**
 * RISE for TypeScript: teach a vision-language model to annotate images and to say why.
 *
 * @module rise-vlm
 */
export {
  CocoInstances,
  Corruption,
  CsvManifest,
  Emotion6Folder,
  ImageFolder,
  type Instance,
  type Instances,
  JsonLines,
  Layouts,
  Parquet,
  ReasonSeg,
  Scenes,
  Subset
} from "./data/index.ts"
export {
  Advantage,
  Dataset,
  Judge,
  Policy,
  Progress,
  Quarantine,
  Question,
  Reward,
  Run,
  type RunError,
  RunFileError,
  RunFolderExists,
  RunFolderInUse,
  RunFolderMismatch,
  Task,
  Telemetry
} from "./dsl/index.ts"
export * as Evaluation from "./evaluation/index.ts"
export type { Grammar } from "./kernels/generate/index.ts"
export * as Image from "./kernels/image/Image.ts"
export { Decode, ImageError } from "./kernels/image/index.ts"
export { Device, Runtime } from "./kernels/runtime/index.ts"
export * as Pipelines from "./pipelines/index.ts"
export * as Rise from "./Rise.ts"
export * as Sources from "./sources/index.ts"
export * as Studies from "./studies/index.ts"
export { Classification, type Distribution, Emotion6, ImagenetSub, Metric } from "./tasks/classification/index.ts"
export {
  type Annotation,
  AveragePrecision,
  Box,
  BoxCodec,
  BoxMetric,
  BoxSimilarity,
  BoxTruth,
  CocoSub,
  Detection,
  Lisa,
  type Target
} from "./tasks/detection/index.ts"
