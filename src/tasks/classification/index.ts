/**
 * Soft-label classification: annotations are distributions over labels.
 */
export * as Classification from "./Classification.ts"
export * as Codec from "./Codec.ts"
export * as Emotion6 from "./Emotion6.ts"
export * as ImagenetSub from "./ImagenetSub.ts"
export type { Distribution } from "./Labels.ts"
export * as Metric from "./Metric.ts"
export * as Similarity from "./Similarity.ts"
export * as WinRate from "./WinRate.ts"
