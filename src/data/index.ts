/**
 * Readers for data as it is found on disk, and the embedded scenes.
 */
export * as CocoInstances from "./CocoInstances.ts"
export * as Corruption from "./Corruption.ts"
export * as CsvManifest from "./CsvManifest.ts"
export * as Emotion6Folder from "./Emotion6Folder.ts"
export * as ImageFolder from "./ImageFolder.ts"
export type { Instance, Instances } from "./Instances.ts"
export * as JsonLines from "./JsonLines.ts"
export * as Layouts from "./layouts/index.ts"
export * as Parquet from "./Parquet.ts"
export * as ReasonSeg from "./ReasonSeg.ts"
export * as Scenes from "./scenes/index.ts"
export * as Subset from "./Subset.ts"
