/**
 * One line in a given width: what matters least is left out first.
 */
import { cells } from "./Width.ts"

/** Something that a line may show. */
export interface Part {
  /** How it can be written, the fullest form first. */
  readonly forms: ReadonlyArray<string>
  /** What has a lower one finds its place first. */
  readonly rank: number
  /** The form that is put where others still wait for a place; a fuller one takes what they leave. Default 0. */
  readonly modest?: number
}

const gap = "  "

/** Cells that a line of parts leaves free. */
export interface Fitted {
  /** The form of every part, in their order; undefined where there is no room for any. */
  readonly chosen: ReadonlyArray<string | undefined>
  readonly free: number
}

/** As many parts as there is room for, then each as full as there is. */
export const fit = (parts: ReadonlyArray<Part>, width: number): Fitted => {
  const chosen: Array<string | undefined> = parts.map(() => undefined)
  // The first part has no gap before it.
  let free = width + gap.length
  const inTurn = parts.map((part, index) => ({ ...part, index })).sort((a, b) => a.rank - b.rank)
  const taken = (form: string | undefined) => form === undefined ? 0 : cells(form) + gap.length
  const put = (index: number, forms: ReadonlyArray<string>) => {
    const room = free + taken(chosen[index])
    const form = forms.find((form) => taken(form) <= room)
    if (form === undefined) return
    chosen[index] = form
    free = room - taken(form)
  }
  for (const { forms, index, modest = 0 } of inTurn) put(index, forms.slice(modest))
  for (const { forms, index } of inTurn) {
    if (chosen[index] !== undefined) put(index, forms)
  }
  return { chosen, free }
}

/** What was chosen, as a line. */
export const joined = (chosen: ReadonlyArray<string | undefined>): string =>
  chosen.filter((form) => form !== undefined).join(gap)
