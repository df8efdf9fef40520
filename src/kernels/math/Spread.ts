/** Where numbers lie, and how widely they are spread. */

/** Their mean; NaN of none. */
export const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Standard deviation with Bessel's correction; 0 of fewer than two numbers. */
export const deviation = (values: ReadonlyArray<number>): number => {
  const n = values.length
  if (n < 2) return 0
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1))
}

/**
 * What a share of the values lies below, between neighbours by line, as NumPy's default has it; 0 of none.
 *
 * @param share 0.5 for the median
 */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const [below = 0, above = below] = sorted.slice(Math.floor(at), Math.floor(at) + 2)
  return below + (above - below) * (at - Math.floor(at))
}
