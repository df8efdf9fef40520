/**
 * Labels that the user names, beside those that pictures have: one that nothing has is told, and labels of which fewer
 * than two are left cannot be told apart.
 */
import { Option, Result } from "effect"
import * as Quoted from "../Quoted.ts"
import type { Hints } from "./Layout.ts"

/** A label without what typing changes: accents, case, what parts words, `ß` for `ss`, `ae` for `ä`. */
const bare = (label: string) =>
  label.toLowerCase().replaceAll("ß", "ss").replaceAll(/ä|ö|ü/g, (vowel) => `${vowel.normalize("NFD")[0]}e`)
    .normalize("NFKD").replaceAll(/\p{M}|[\s_.-]+/gu, "")

/** Longest labels whose letters are compared. */
const longest = 64

/** How many letters are to be changed, added or left out to make one text of another. */
const edits = (a: string, b: string): number => {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (above[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])
      row.push(Math.min(changed, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
    above = row
  }
  return above[b.length] ?? 0
}

/** The label that was meant by another, if one is near: alike but for spelling, or a letter or two away. */
const near = (label: string, found: ReadonlyArray<string>): string | undefined => {
  const wanted = bare(label)
  if (wanted.length > longest) return undefined
  const [best] = found.flatMap((name) => {
    const other = bare(name)
    if (other.length > longest) return []
    const distance = wanted === other ? 0 : edits(wanted, other)
    return distance <= Math.floor(Math.min(wanted.length, other.length) / 4) ? [{ name, distance }] : []
  }).toSorted((a, b) => a.distance - b.distance)
  return best?.name
}

/** `; did you mean "Süß" by "Süss"?` */
const meant = (missing: ReadonlyArray<string>, found: ReadonlyArray<string>): string => {
  const pairs = missing.flatMap((label) => {
    const other = near(label, found)
    return other === undefined ? [] : [`${Quoted.quoted(other)} by ${Quoted.quoted(label)}`]
  })
  return pairs.length === 0 ? "" : `; did you mean ${pairs.join(", ")}?`
}

/**
 * What to say of the labels that are named, if any are, beside those that pictures to train on have (`found`). Fails
 * where none is found, with `none` for its words, and where only one is, unless `few` are enough.
 */
export const check = (
  found: ReadonlyArray<string>,
  { few = false, labels }: Hints,
  none: string
): Result.Result<ReadonlyArray<string>, string> => {
  if (Option.isNone(labels)) return Result.succeed([])
  const missing = labels.value.filter((label) => !found.includes(label))
  const [first, ...more] = labels.value.filter((label) => found.includes(label))
  const hint = meant(missing, found.filter((label) => !labels.value.includes(label)))
  if (first === undefined) return Result.fail(`${none}${hint}`)
  if (more.length === 0 && labels.value.length > 1 && !few) {
    return Result.fail(
      `of the labels ${Quoted.names(labels.value)} pictures have ${Quoted.quoted(first)} alone, and at least two are ` +
        `needed to tell apart; the data have ${Quoted.names(found)}${hint}`
    )
  }
  return Result.succeed(
    missing.length === 0 ? [] : [`no picture to train on has the label ${Quoted.names(missing)}${hint}`]
  )
}
