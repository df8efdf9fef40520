import { Quantize } from "../../../src/kernels/weights/index.ts"

/** The values that the integers stand for. */
export const dequantize = (
  integers: Uint8Array,
  scales: Float32Array,
  inner: number,
  format: Quantize.Format,
  out: Float32Array
): void => {
  const { bits, block } = format
  const middle = 2 ** (bits - 1)
  const mask = 2 * middle - 1
  const count = Quantize.blocksOf(inner, format)
  const rows = out.length / inner
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < inner; i++) {
      const place = r * count * block + i
      const q = integers[place * bits >> 3]! >> (place * bits & 7) & mask
      out[r * inner + i] = scales[r * count + Math.floor(i / block)]! * (q - middle)
    }
  }
}
