/** Names that a mistyped one may stand for, and how that is asked. */
import { show } from "./show.ts"

/** Longer words are no slip of a finger. */
const LONGEST = 64

/** Edits between two words: letters put in, left out, changed, or two beside one another in the wrong order. */
const distance = (a: string, b: string): number => {
  let [before, row] = [new Array<number>(), Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const edited = Math.min(
        (row[j + 1] ?? 0) + 1,
        (next[j] ?? 0) + 1,
        (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      )
      const swapped = i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j] ? (before[j - 1] ?? 0) + 1 : edited
      next.push(Math.min(edited, swapped))
    }
    ;[before, row] = [row, next]
  }
  return row[b.length] ?? 0
}

/** The names that a mistyped one may stand for, the nearest alone: at most a third of it is changed. */
export const near = (name: string, names: Iterable<string>): ReadonlyArray<string> => {
  if (name.length === 0 || name.length > LONGEST) return []
  const most = Math.max(1, Math.floor(name.length / 3))
  const found = [...new Set(names)].flatMap((other) => {
    if (other.length > LONGEST || Math.abs(other.length - name.length) > most) return []
    const edits = distance(name.toLowerCase(), other.toLowerCase())
    return edits <= most ? [{ other, edits }] : []
  })
  const fewest = Math.min(...found.map(({ edits }) => edits))
  return found.filter(({ edits }) => edits === fewest).map(({ other }) => other)
}

/** Names as a sentence lists them: "a, b or c". */
export const either = (names: ReadonlyArray<string>): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`

/** `: did you mean steps?` of names that were found, or nothing. One that is no plain word is quoted. */
export const suggestion = (names: ReadonlyArray<string>): string =>
  names.length === 0
    ? ""
    : `: did you mean ${either(names.slice(0, 3).map((name) => /^[\w@./-]+$/.test(name) ? name : show(name)))}?`

/** The same of the names that a mistyped one may stand for. */
export const didYouMean = (name: string, names: Iterable<string>): string => suggestion(near(name, names))
