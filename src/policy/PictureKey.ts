/**
 * What tells one picture's pixels from another's: never the id alone, which two data sets may have in common
 * (`rain/1.png` of `train` and of `test`).
 */
import { createHash } from "node:crypto"
import { statSync } from "node:fs"
import * as Content from "../kernels/image/Content.ts"
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

/**
 * A path with its file as that is now; alone, where the file is gone. Files that are not open may share a number on
 * network file systems, one after the other: never without the path.
 */
const fileKey = (path: string): string => {
  try {
    return `${JSON.stringify(path)} ${Content.stateOf(statSync(path, { bigint: true }))}`
  } catch {
    return JSON.stringify(path)
  }
}

const keyOf = (id: string, source: Source): string =>
  Source.$match(source, {
    File: ({ path }) => `file ${fileKey(path)}`,
    Encoded: ({ bytes }) => `bytes ${hashOf(bytes)}`,
    Rendered: ({ isToldById, render }) => isToldById === true ? `id ${id}` : `drawn ${numberOf(render)}`,
    // Its id tells the change, and whose it is the source.
    Varied: ({ of }) => `varied ${JSON.stringify(id)} ${keyOf(id, of)}`
  })

/** Equal for pictures of the same pixels, as far as that can be told without reading them. */
export const pictureKey = ({ id, source }: Image): string => keyOf(id, source)
