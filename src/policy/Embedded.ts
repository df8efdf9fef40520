/**
 * The checkpoint that ships with the package, by a name that holds wherever it lies.
 */
import { basename } from "node:path"
import { fileURLToPath } from "node:url"

/** Its directory: it knows what is in a scene, and where. */
export const embedded = fileURLToPath(new URL("../../assets/scene-vl-places", import.meta.url))

/** The directory of `"embedded"`; any other name is a directory itself (`./embedded` for one of that name). */
export const directoryOf = (model: string): string => model === "embedded" ? embedded : model

/** Whether a directory is the checkpoint that ships with the package. */
export const isEmbedded = (model: string): boolean => model === embedded

/** What run.json calls a model directory. */
export const nameOf = (model: string): string => isEmbedded(model) ? `embedded ${basename(model)}` : model
