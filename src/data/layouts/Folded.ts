/** Keys of rows as people write them: "Image" is "image", too. */
import type { Fields } from "../Fields.ts"

const hasCapital = (key: string) => key !== key.toLowerCase()

/** Fields that are known, by their names in small letters: "Image" is one, too, where there is no "image". */
export const folded = (row: Fields, known: ReadonlySet<string>): Fields => {
  const entries = Object.entries(row)
  if (!entries.some(([key]) => hasCapital(key))) return row
  return Object.fromEntries(entries.map(([key, value]) => {
    const small = key.toLowerCase()
    return [known.has(small) && !Object.hasOwn(row, small) ? small : key, value]
  }))
}
