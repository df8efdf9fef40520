/**
 * RISE for TypeScript: teach a vision-language model to annotate images and to say why.
 */
export { CsvManifest, Scenes } from "./data/index.ts"
export { Advantage, Dataset, Policy, Progress, Quarantine, Reward, Rise, Run, Task } from "./dsl/index.ts"
export * as Image from "./kernels/image/Image.ts"
export { Runtime } from "./kernels/runtime/index.ts"
export * as Pipelines from "./pipelines/index.ts"
export { Classification, Emotion6, Metric } from "./tasks/classification/index.ts"
export { AveragePrecision, Box, BoxCodec, Detection } from "./tasks/detection/index.ts"
