/** Resampling in plain loops: where there are no vectors, and what vectors are held against. */
import { fractionBits, half, weightsOf } from "./cubic.ts"
import type { Pixels } from "./Image.ts"
import type { Size } from "./smartResize.ts"

// Products and sums are whole numbers of 32 bits, in any order the same: `imul` says so to the compiler. Storing into a
// clamped array is what clips.
const { imul } = Math

/**
 * Along rows: one column of the result after the other, so that its weights are read once. Four pixels contribute
 * wherever a picture grows.
 */
const alongRows = ({ data, height, width }: Pixels, to: number): Pixels => {
  const { count, start, stride, weights } = weightsOf(width, to)
  const [line, outLine] = [width * 3, to * 3]
  const out = new Uint8ClampedArray(height * outLine)
  for (let x = 0; x < to; x++) {
    const first = x * stride
    const last = first + count[x]!
    let from = start[x]! * 3
    let at = x * 3
    if (last - first === 4) {
      const [a, b, c, d] = [weights[first]!, weights[first + 1]!, weights[first + 2]!, weights[first + 3]!]
      for (let y = 0; y < height; y++, from += line, at += outLine) {
        for (let i = 0; i < 3; i++) {
          out[at + i] = half + imul(a, data[from + i]!) + imul(b, data[from + i + 3]!) + imul(c, data[from + i + 6]!) +
              imul(d, data[from + i + 9]!) >> fractionBits
        }
      }
    } else {
      for (let y = 0; y < height; y++, from += line, at += outLine) {
        let r = half
        let g = half
        let b = half
        for (let k = first, source = from; k < last; k++, source += 3) {
          const weight = weights[k]!
          r = r + imul(weight, data[source]!) | 0
          g = g + imul(weight, data[source + 1]!) | 0
          b = b + imul(weight, data[source + 2]!) | 0
        }
        out[at] = r >> fractionBits
        out[at + 1] = g >> fractionBits
        out[at + 2] = b >> fractionBits
      }
    }
  }
  return { width: to, height, data: new Uint8Array(out.buffer) }
}

/** Along columns, four rows of the source at a time; where fewer are left, others stand in with a weight of 0. */
const alongColumns = ({ data, height, width }: Pixels, to: number): Pixels => {
  const { count, start, stride, weights } = weightsOf(height, to)
  const line = width * 3
  const out = new Uint8ClampedArray(to * line)
  const sums = new Int32Array(line)
  for (let y = 0; y < to; y++) {
    const n = count[y]!
    sums.fill(half)
    for (let k = 0; k < n; k += 4) {
      const weight = (i: number) => k + i < n ? weights[y * stride + k + i]! : 0
      const row = (i: number) => (start[y]! + (k + i < n ? k + i : k)) * line
      const [a, b, c, d] = [weight(0), weight(1), weight(2), weight(3)]
      const [p, q, r, s] = [row(0), row(1), row(2), row(3)]
      for (let x = 0; x < line; x++) {
        sums[x] = sums[x]! + imul(a, data[p + x]!) + imul(b, data[q + x]!) + imul(c, data[r + x]!) +
          imul(d, data[s + x]!)
      }
    }
    const into = y * line
    for (let x = 0; x < line; x++) out[into + x] = sums[x]! >> fractionBits
  }
  return { width, height: to, data: new Uint8Array(out.buffer) }
}

export const resampleLoops = (pixels: Pixels, { height, width }: Size): Pixels => {
  const wide = width === pixels.width ? pixels : alongRows(pixels, width)
  return height === wide.height ? wide : alongColumns(wide, height)
}
