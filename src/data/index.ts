/**
 * Readers for data as it is found on disk, and the embedded scenes.
 */
export * as CsvManifest from "./CsvManifest.ts"
export * as Scenes from "./scenes/index.ts"
