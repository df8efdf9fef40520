/**
 * Weight-only quantisation: neighbours in a row share a scale, w ≈ scale · (q − 2^(bits − 1)) with q of 4 or 8 bits.
 *
 * Symmetric: 0 is a value of every block. The scale maps a block's value of largest magnitude to the lowest integer, of
 * which there is one more than of positive ones (as llama.cpp's Q4_0 does), so it may be negative.
 */

export interface Format {
  readonly bits: 4 | 8
  /** Values that share a scale; even. */
  readonly block: number
}

/** Blocks of a row of so many values; the last one is padded. */
export const blocksOf = (inner: number, { block }: Format): number => Math.ceil(inner / block)

/** Bytes that the integers of a row take. */
export const bytesOf = (inner: number, format: Format): number =>
  blocksOf(inner, format) * format.block * format.bits / 8

/**
 * Rounds whole rows of `inner` finite values. Where two integers share a byte, the lower half is the first one.
 *
 * @param integers `rows · bytesOf(inner)`
 * @param scales `rows · blocksOf(inner)`
 */
export const quantize = (
  values: Float32Array,
  inner: number,
  format: Format,
  integers: Uint8Array,
  scales: Float32Array
): void => {
  const { bits, block } = format
  const middle = 2 ** (bits - 1)
  const highest = 2 * middle - 1
  const rows = values.length / inner
  const count = blocksOf(inner, format)
  let at = 0
  for (let r = 0; r < rows; r++) {
    for (let b = 0; b < count; b++) {
      const begin = r * inner + b * block
      const end = Math.min(begin + block, (r + 1) * inner)
      let magnitude = 0
      let extreme = 0
      for (let i = begin; i < end; i++) {
        const size = Math.abs(values[i]!)
        if (size > magnitude) {
          magnitude = size
          extreme = values[i]!
        }
      }
      const scale = Math.fround(0 - extreme / middle)
      scales[r * count + b] = scale
      const inverse = scale === 0 ? 0 : 1 / scale
      for (let i = begin; i < begin + block; i += 8 / bits) {
        let byte = 0
        for (let k = 0; k < 8 / bits; k++) {
          const value = i + k < end ? values[i + k]! * inverse : 0
          const q = Math.min(highest, Math.max(0, Math.round(value) + middle))
          byte |= q << k * bits
        }
        integers[at++] = byte
      }
    }
  }
}
