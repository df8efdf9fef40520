/**
 * Gives memory back at once: the collector hears late of what lies outside of its heap, and a megabyte that is used
 * again is in the caches, where a new one is not even there yet. Nothing of these bytes may be looked at afterwards.
 *
 * Only of bytes that have their buffer to themselves: with another's they would take what is beside them.
 */
export const release = ({ buffer, byteLength }: ArrayBufferView): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
