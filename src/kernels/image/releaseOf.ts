import { release } from "../runtime/release.ts"
import type { Pixels, Source } from "./Image.ts"

/** Gives the pixels back that a source was loaded to: what a renderer drew is its own, all else was made here. */
export const releaseOf = ({ _tag }: Source, pixels: Pixels): void => {
  if (_tag !== "Rendered") release(pixels.data)
}
