/** An image on its way into the decoder. */

export type Grid = readonly [number, number, number]

/** Visual tokens `[tokens, visualWidth]` of one image. */
export interface Features {
  readonly features: Float32Array
  readonly grid: Grid
}
