/** The figures that are held to, and what has become of them. */
import { readFileSync, writeFileSync } from "node:fs"
import type { Counts } from "./CountingRuntime.ts"

export type Figures = Readonly<Record<string, Counts>>

const file = new URL("./figures.json", import.meta.url)

/** The command that writes them down anew. */
export const command = "npm run test:costs"

export const read = (): Figures => JSON.parse(readFileSync(file, "utf8"))

export const write = (figures: Figures): void => writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`)

/** A figure may move by so much of itself without anyone looking at it. */
const TOLERANCE = 0.1
/** And by so many bytes, beside the hundreds of megabytes that kernels move. */
const LITTLE: Readonly<Record<string, number>> = { copied: 2 ** 16, shared: 2 ** 16 }

export interface Change {
  readonly about: string
  readonly figure: string
  readonly before: number
  readonly after: number
  readonly kind: "worse" | "better" | "same"
}

const kindOf = (figure: string, before: number, after: number): Change["kind"] => {
  const room = Math.max(TOLERANCE * before, LITTLE[figure] ?? 0)
  return after > before + room ? "worse" : after < before - room ? "better" : "same"
}

/** Every figure of every piece of work, what it was beside what it is; NaN where it is on the other side alone. */
export const changes = (before: Figures, after: Figures): ReadonlyArray<Change> =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((about) => {
    const [was, is] = [before, after].map((figures) => new Map(Object.entries<number>({ ...figures[about] })))
    return [...new Set([...was!.keys(), ...is!.keys()])].map((figure): Change => {
      const [before = NaN, after = NaN] = [was!.get(figure), is!.get(figure)]
      return { about, figure, before, after, kind: kindOf(figure, before, after) }
    })
  })

const whole = (value: number) => Number.isNaN(value) ? "none" : value.toLocaleString("en")

/** A change in words. */
export const say = ({ about, after, before, figure }: Change): string => {
  const percent = before > 0 && after >= 0
    ? ` (${after > before ? "+" : ""}${(100 * (after / before - 1)).toFixed(1)}%)`
    : ""
  return `${about}: ${figure} was ${whole(before)}, is ${whole(after)}${percent}`
}

/** What has to be done about it, or nothing: a tenth more of anything, a tenth less, or other work than before. */
export const complaint = (before: Figures, after: Figures): string | undefined => {
  const all = changes(before, after)
  const strange = all.filter((change) => Number.isNaN(change.before) || Number.isNaN(change.after))
  const parts = [
    ["costs a tenth more than it did. If that is meant", all.filter(({ kind }) => kind === "worse")],
    ["costs a tenth less than it did. So that it stays", all.filter(({ kind }) => kind === "better")],
    ["is counted on one side alone", strange]
  ] as const
  const told = parts.filter(([, found]) => found.length > 0)
    .map(([what, found]) => `${what}, ${command} writes it down:\n${found.map(say).join("\n")}`)
  return told.length === 0 ? undefined : told.join("\n\n")
}
