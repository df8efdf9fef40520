/** Weights of bicubic resampling, in Pillow's fixed point. */

/** Fractional bits of a weight: 32 less 8 of a pixel and 2 of headroom. */
export const fractionBits = 22

/** Added before the fraction is cut off. */
export const half = 1 << fractionBits - 1

/** Keys' cubic convolution kernel with a = −1/2 (IEEE TASSP 29(6), 1981), as in Pillow. */
const cubic = (x: number): number => {
  const a = -0.5
  const t = Math.abs(x)
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
}

export interface Weights {
  /** First source index of each output index. */
  readonly start: Int32Array
  /** How many sources contribute. */
  readonly count: Int32Array
  /** `[outputs, stride]`, fixed point; 0 behind those that contribute. None is as much as 2. */
  readonly weights: Int32Array
  readonly stride: number
}

/** The kernel is widened when shrinking, which is what keeps out aliasing. */
export const weightsOf = (from: number, to: number): Weights => {
  const scale = from / to
  const spread = Math.max(scale, 1)
  const support = 2 * spread
  const stride = Math.ceil(support) * 2 + 1
  const start = new Int32Array(to)
  const count = new Int32Array(to)
  const weights = new Int32Array(to * stride)
  const row = new Float64Array(stride)
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale
    const low = Math.max(0, Math.trunc(center - support + 0.5))
    const high = Math.min(from, Math.trunc(center + support + 0.5))
    let total = 0
    for (let j = low; j < high; j++) total += row[j - low] = cubic((j - center + 0.5) * (1 / spread))
    for (let j = 0; j < high - low; j++) {
      const weight = row[j]! / total * (1 << fractionBits)
      weights[i * stride + j] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5)
    }
    start[i] = low
    count[i] = high - low
  }
  return { start, count, weights, stride }
}
