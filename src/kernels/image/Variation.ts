/**
 * A picture changed a little: mirrored, moved, lighter or darker. What it shows stays the same, so that a small data
 * set teaches more.
 *
 * @module
 */

/** How a picture is changed; `none` changes nothing. */
export interface Variation {
  /** Left becomes right. */
  readonly mirrored: boolean
  /** How far it is moved to the right, as a share of its width; the left is moved to by a negative one. */
  readonly right: number
  /** How far it is moved down, as a share of its height. */
  readonly down: number
  /** What every value is multiplied with; beyond 255 it is cut. */
  readonly light: number
}

/** The picture as it is. */
export const none: Variation = { mirrored: false, right: 0, down: 0, light: 1 }
