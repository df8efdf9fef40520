/**
 * A share in percent, without the sign. What rounds to 0 or to 100 and is neither is "<1" or ">99": of 200 steps 199
 * are not all.
 *
 * @param digits behind the point; with one, "<0.1" and ">99.9"
 */
export const inPercent = (share: number, digits = 0): string => {
  const text = (100 * share).toFixed(digits)
  const least = 1 / 10 ** digits
  if (share > 0 && Number(text) === 0) return `<${least}`
  return share < 1 && Number(text) === 100 ? `>${(100 - least).toFixed(digits)}` : text
}
