/** An image on its way into the decoder. */

export type Grid = readonly [number, number, number]

/** Patches of one image, and the grid they form. */
export interface Patches {
  readonly patches: Float32Array
  readonly grid: Grid
}

/** Visual tokens `[tokens, visualWidth]` of one image. */
export interface Features {
  readonly features: Float32Array
  readonly grid: Grid
}
