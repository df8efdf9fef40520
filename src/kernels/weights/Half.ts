/**
 * Conversions between float32 and the 16-bit formats that checkpoints are stored in.
 *
 * Sources: IEEE 754-2008 binary16 (1 sign, 5 exponent, 10 mantissa bits) and bfloat16 (the upper half of a float32).
 * Both narrowings round to nearest, ties to even, as PyTorch does. All arrays are contiguous and equally long.
 */

/** Magnitudes from which rounding to nearest gives infinity: halfway from the largest value to the next power of 2. */
export const limits = { F32: Infinity, F16: 2 ** 15 * (2 - 2 ** -11), BF16: 2 ** 127 * (2 - 2 ** -8) } as const
/** The largest finite values. */
export const largest = { F32: 2 ** 127 * (2 - 2 ** -23), F16: 65504, BF16: 2 ** 127 * (2 - 2 ** -7) } as const

/** bfloat16 bits → float32, exact. */
export const fromBFloat16 = (bits: Uint16Array, out: Float32Array): void => {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16
}

/** float32 → bfloat16 bits. A NaN stays a NaN; values beyond the largest finite bfloat16 round to infinity. */
export const toBFloat16 = (values: Float32Array, out: Uint16Array): void => {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    // Rounding could carry a NaN's payload into the exponent: set its quiet bit instead.
    out[i] = (word & 0x7fffffff) > 0x7f800000 ? word >>> 16 | 0x40 : word + 0x7fff + (word >>> 16 & 1) >>> 16
  }
}

/** binary16 bits → float32, exact, subnormals included. */
export const fromFloat16 = (bits: Uint16Array, out: Float32Array): void => {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!
    const sign = (half & 0x8000) << 16
    const exponent = half >>> 10 & 0x1f
    const mantissa = half & 0x3ff
    if (exponent === 0) {
      // 2^-24 is the value of a subnormal's last bit.
      out[i] = (sign === 0 ? 1 : -1) * mantissa * 2 ** -24
    } else if (exponent === 31) {
      words[i] = sign | 0x7f800000 | mantissa << 13
    } else {
      words[i] = sign | exponent + 112 << 23 | mantissa << 13
    }
  }
}

/** float32 → binary16 bits. Above 65519 rounds to infinity; below 2^-25 to zero; a NaN stays a NaN. */
export const toFloat16 = (values: Float32Array, out: Uint16Array): void => {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const sign = word >>> 16 & 0x8000
    const magnitude = word & 0x7fffffff
    if (magnitude > 0x7f800000) {
      out[i] = sign | 0x7e00
    } else if (magnitude >= 0x47800000) {
      out[i] = sign | 0x7c00
    } else if (magnitude >= 0x38800000) {
      // Normal: rebias the exponent, drop 13 bits; a carry out of the mantissa is the next exponent, or infinity.
      out[i] = sign | magnitude - 0x38000000 + 0xfff + (magnitude >>> 13 & 1) >>> 13
    } else if (magnitude >= 0x33000000) {
      const shift = 126 - (magnitude >>> 23)
      const mantissa = magnitude & 0x7fffff | 0x800000
      const kept = mantissa >>> shift
      const rest = mantissa & (1 << shift) - 1
      const half = 1 << shift - 1
      out[i] = sign | kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0)
    } else {
      out[i] = sign
    }
  }
}
