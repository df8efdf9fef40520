/** Pictures whose bytes are made, not read: what they show is of no matter to how long they take. */
import * as Image from "../../src/kernels/image/Image.ts"

/** Made once a size: making them is nobody's work that is measured. */
const pixels = new Map<number, Uint8Array>()

const pixelsOf = (side: number): Uint8Array => {
  const made = pixels.get(side) ??
    Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 7 + Math.floor(i / 997)) % 251)
  pixels.set(side, made)
  return made
}

/** A square of `side` pixels. One that is known by its name is not looked at again. */
export const picture = (id: string, side: number): Image.Image =>
  Image.rendered(id, () => ({ width: side, height: side, data: pixelsOf(side) }))
