/**
 * What tells one picture's pixels from another's: never the id alone, which two data sets may have in common
 * (`rain/1.png` of `train` and of `test`).
 */
import { createHash } from "node:crypto"
import { statSync } from "node:fs"
import { type Image, Source } from "../kernels/image/Image.ts"

const hashes = new WeakMap<Uint8Array, string>()

const hashOf = (bytes: Uint8Array): string => {
  const before = hashes.get(bytes)
  if (before !== undefined) return before
  const hash = createHash("sha256").update(bytes).digest("hex")
  hashes.set(bytes, hash)
  return hash
}

const drawn = new WeakMap<object, number>()
let count = 0

const numberOf = (render: object): number => {
  const before = drawn.get(render)
  if (before !== undefined) return before
  drawn.set(render, ++count)
  return count
}

/** A file as it is now: one that was written again is another picture. Of one that is gone, its path. */
const stateOf = (path: string): string => {
  try {
    const { ctimeNs, dev, ino, mtimeNs, size } = statSync(path, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return path
  }
}

const keyOf = (id: string, source: Source): string =>
  Source.$match(source, {
    File: ({ path }) => `file ${stateOf(path)}`,
    Encoded: ({ bytes }) => `bytes ${hashOf(bytes)}`,
    Rendered: ({ isToldById, render }) => isToldById === true ? `id ${id}` : `drawn ${numberOf(render)}`,
    // Its id tells the change, and whose it is the source.
    Varied: ({ of }) => `varied ${JSON.stringify(id)} ${keyOf(id, of)}`
  })

/** Equal for pictures of the same pixels, as far as that can be told without reading them. */
export const pictureKey = ({ id, source }: Image): string => keyOf(id, source)
