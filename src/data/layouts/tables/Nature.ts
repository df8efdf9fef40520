/**
 * Whether a column holds numbers or names, where some of its cells are neither.
 *
 * A column is of numbers where at least seven in ten of its filled cells are, or where all others only say that a value
 * is missing; of names where at least seven in ten are words, or none is a number.
 * Between these it cannot be told, and a guess would change what is trained.
 */

/** What a column holds, as its filled cells tell. */
export type Nature = "numbers" | "names" | "doubtful"

const most = 0.7

/** Of so many filled cells: how many are numbers, and how many say that a value is missing. */
export const of = (filled: number, numbers: number, missing: number): Nature => {
  const words = filled - numbers - missing
  if (numbers === 0 || words >= most * filled) return "names"
  return numbers >= most * filled || words === 0 ? "numbers" : "doubtful"
}
