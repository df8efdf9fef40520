/** What is asked of a large checkpoint: a group of texts on one picture. */
import type { Prompt } from "../../src/policy/index.ts"
import { picture } from "../harness/Picture.ts"

/** Of the picture, in pixels. */
export const SIDE = 448
/** Texts on one picture. */
export const GROUP = 4
export const NEW_TOKENS = 32
/** Of the adapter. */
export const RANK = 16

/** The question on a picture of its own. */
export const promptOf = (name: string): Prompt => ({
  images: [picture(name, SIDE)],
  text: "Which feelings does this picture evoke, and why? Name what you see first, then say what it does to people " +
    "who look at it."
})
