import type { Pixels } from "./Image.ts"

/**
 * Gives memory back at once: the collector hears late of what lies outside of its heap, and a megabyte that is used
 * again is in the caches, where a new one is not even there yet. Nothing of these pixels may be looked at afterwards.
 */
export const release = ({ data: { buffer, byteLength } }: Pixels): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
