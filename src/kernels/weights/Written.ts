/**
 * Who is told of files as they are written: how long each is, and its SHA-256, counted on the way to the disk. Nothing
 * has to be read again to know it.
 */
import { Context } from "effect"
import { createHash } from "node:crypto"

/** What a file holds, in a few bytes. */
export interface Digest {
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

/** Told of every file that has been written whole, by the path that it was written to. */
export type Listener = (path: string, digest: Digest) => void

/** The listener; by default there is none, and nothing is counted. */
export const Written = Context.Reference<Listener | undefined>("rise/Written", { defaultValue: () => undefined })

/** Counts what goes by. */
export const counting = () => {
  const hash = createHash("sha256")
  let bytes = 0
  return {
    add: (chunk: Uint8Array): void => {
      hash.update(chunk)
      bytes += chunk.byteLength
    },
    digest: (): Digest => ({ bytes, sha256: hash.digest("hex") })
  }
}
