/**
 * Labels that the user names, beside those that pictures have: one that nothing has is told, and labels of which fewer
 * than two are left cannot be told apart.
 */
import { Effect, Option, Result } from "effect"
import { DataError } from "../../dsl/DataError.ts"
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
const near = (label: string, found: ReadonlyArray<{ readonly name: string; readonly other: string }>) => {
  const wanted = bare(label)
  if (wanted.length > longest) return undefined
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const { name, other } of found) {
    const shorter = Math.min(wanted.length, other.length)
    // Of short ones a letter left out or added is a slip, another letter another word.
    const most = shorter > 1 && shorter < 4 && wanted.length !== other.length ? 1 : Math.floor(shorter / 4)
    // Texts are at least as far apart as their lengths.
    if (Math.abs(wanted.length - other.length) > most) continue
    const distance = wanted === other ? 0 : edits(wanted, other)
    if (distance <= most && (best === undefined || distance < best.distance)) best = { name, distance }
  }
  return best?.name
}

/** `; did you mean "Süß" by "Süss"?`, or nothing. `found` is what there is and is not named. */
export const meant = (missing: ReadonlyArray<string>, found: ReadonlyArray<string>): string => {
  if (missing.length === 0) return ""
  const others = found.map((name) => ({ name, other: bare(name) })).filter(({ other }) => other.length <= longest)
  // More than these no message names, and every one is held against all labels.
  const pairs = missing.slice(0, Quoted.listed).flatMap((label) => {
    const other = near(label, others)
    return other === undefined ? [] : [`${Quoted.quoted(other)} by ${Quoted.quoted(label)}`]
  })
  return pairs.length === 0 ? "" : `; did you mean ${pairs.join(", ")}?`
}

/**
 * What to say of the labels that are named, if any are, beside those of the half that is trained on (`trained`), in
 * whatever layout: labels that only pictures to test on have are learned by nobody. Fails where none is found, and
 * where only one is, unless `few` are enough.
 *
 * @param where as after "none of the labels a, b" and before the labels that there are: "has a folder, there are"
 */
export const check = (
  trained: Iterable<string>,
  { few = false, labels }: Hints,
  where: string
): Result.Result<ReadonlyArray<string>, string> => {
  if (Option.isNone(labels)) return Result.succeed([])
  const found = new Set(trained)
  const named = new Set(labels.value)
  const missing = labels.value.filter((label) => !found.has(label))
  const [first, ...more] = labels.value.filter((label) => found.has(label))
  const hint = meant(missing, [...found].filter((label) => !named.has(label)))
  const there = found.size === 0 ? "none" : Quoted.names([...found])
  if (first === undefined) {
    return Result.fail(`none of the labels ${Quoted.names(labels.value)} ${where} ${there}${hint}`)
  }
  if (more.length === 0 && labels.value.length > 1 && !few) {
    return Result.fail(
      `of the labels ${Quoted.names(labels.value)} pictures to train on have ${Quoted.quoted(first)} alone, and at ` +
        `least two are needed to tell apart; the data have ${there}${hint}`
    )
  }
  return Result.succeed(
    missing.length === 0 ? [] : [`no picture to train on has the label ${Quoted.names(missing)}${hint}`]
  )
}

/** The same, as the error of the data's source. */
export const checked = (
  source: string,
  trained: Iterable<string>,
  hints: Hints,
  where: string
): Effect.Effect<ReadonlyArray<string>, DataError> =>
  Effect.fromResult(Result.mapError(check(trained, hints, where), (reason) => new DataError({ source, reason })))

/**
 * What to say of labels of a half to test on (`where`) that are none of those to learn: nobody is trained on them, or
 * the user leaves them out of those in `trained`.
 *
 * @param unit what a half has: "row", "picture"
 */
export const beyond = (
  where: string,
  labels: ReadonlyArray<string>,
  trained: ReadonlyArray<string>,
  unit: string
): ReadonlyArray<string> => {
  const known = new Set(trained)
  const said = (some: ReadonlyArray<string>, why: string) =>
    some.length === 0 ? [] : [`${where} has ${Quoted.names(some)}, ${why}: its ${unit}s are set aside`]
  return [
    ...said(labels.filter((label) => !known.has(label)), `which no ${unit} is trained on`),
    ...said(labels.filter((label) => known.has(label)), "which --labels leaves out")
  ]
}
