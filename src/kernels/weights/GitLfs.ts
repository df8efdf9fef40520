/**
 * Git LFS pointers: three lines of text that a clone holds in the place of a large file that was not fetched, under its
 * name.
 */

/** No pointer is longer, says the specification. */
export const maxBytes = 1024

/** The specification's first line today and under its former names. */
const pointer = /^version https?:\/\/(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io)\/\S+\s[^]*?^size (\d+)/m

/** What a pointer is, and the next step. */
export const describe = (bytes: Uint8Array): string | undefined => {
  if (bytes.length > maxBytes || bytes[0] !== 0x76) return undefined
  const [, size] = pointer.exec(new TextDecoder().decode(bytes)) ?? []
  return size === undefined
    ? undefined
    : `a Git LFS pointer in the place of a file of ${size} bytes: fetch it with git lfs pull`
}
