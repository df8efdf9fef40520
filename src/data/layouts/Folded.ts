/** Keys of rows as people write them: "Image" is "image", too. */
import type { Fields } from "../Fields.ts"

const hasCapital = (key: string) => key !== key.toLowerCase()

/**
 * Fields that are known, by their names in small letters: "Image" is one, too, where there is no "image". Of "Label"
 * and "LABEL" in one row neither is: which is meant cannot be told.
 */
export const folded = (row: Fields, known: ReadonlySet<string>): Fields => {
  const entries = Object.entries(row)
  const capitals = entries.flatMap(([key]) => hasCapital(key) ? [key.toLowerCase()] : [])
  if (capitals.length === 0) return row
  const isOne = (small: string) => capitals.indexOf(small) === capitals.lastIndexOf(small)
  return Object.fromEntries(entries.map(([key, value]) => {
    const small = key.toLowerCase()
    return [known.has(small) && isOne(small) && !Object.hasOwn(row, small) ? small : key, value]
  }))
}
