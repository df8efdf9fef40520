/** What is asked of a large checkpoint: a group of texts on one picture. */
import * as Image from "../../src/kernels/image/Image.ts"
import type { Prompt } from "../../src/policy/index.ts"

/** Of the picture, in pixels. */
export const SIDE = 448
/** Texts on one picture. */
export const GROUP = 4
export const NEW_TOKENS = 32
/** Of the adapter. */
export const RANK = 16

const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7 + Math.floor(i / 997)) % 251)

/** The question on a picture of its own: one that is known by its name is not looked at again. */
export const promptOf = (picture: string): Prompt => ({
  images: [Image.rendered(picture, () => ({ width: SIDE, height: SIDE, data }))],
  text: "Which feelings does this picture evoke, and why? Name what you see first, then say what it does to people " +
    "who look at it."
})
