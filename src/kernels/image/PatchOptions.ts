/** How pixels are cut into patches. */

/** Normalised value of each byte: `[3, 256]`, float32. */
export type Table = Float32Array

export interface PatchOptions {
  /** Side of a patch in pixels. */
  readonly patchSize: number
  /** Time steps in a patch; an image is repeated. */
  readonly temporalPatchSize: number
  /** Side in patches of the blocks that the model merges into one visual token. */
  readonly mergeSize: number
  readonly table: Table
}
