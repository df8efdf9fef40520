import type { Pixels, Source } from "./Image.ts"

/**
 * Gives memory back at once: the collector hears late of what lies outside of its heap, and a megabyte that is used
 * again is in the caches, where a new one is not even there yet. Nothing of these pixels may be looked at afterwards.
 */
export const release = ({ buffer, byteLength }: Uint8Array): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

/** The same of the pixels that a source was loaded to: what a renderer drew is its own, all else was made here. */
export const releaseOf = ({ _tag }: Source, pixels: Pixels): void => {
  if (_tag !== "Rendered") release(pixels.data)
}
