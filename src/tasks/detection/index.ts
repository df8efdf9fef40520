/**
 * Detection: annotations are boxes, each in a coordinate space that its type names.
 */
export type { Annotation, Target } from "./Annotation.ts"
export * as AveragePrecision from "./AveragePrecision.ts"
export * as Box from "./Box.ts"
export * as CocoSub from "./CocoSub.ts"
export * as BoxCodec from "./Codec.ts"
export * as Detection from "./Detection.ts"
export * as Lisa from "./Lisa.ts"
export * as BoxMetric from "./Metric.ts"
export * as BoxSimilarity from "./Similarity.ts"
export * as BoxTruth from "./Truth.ts"
