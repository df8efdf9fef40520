/**
 * How a user learns of what was set aside: one warning a source, on stderr, however often the source is read.
 */
import { Effect, Option } from "effect"
import { warn } from "../kernels/runtime/Warning.ts"
import * as Aside from "./Aside.ts"

/** A pass over a source: what it has set aside so far. */
export interface Pass extends Aside.Aside {
  /** What its rows are called. */
  readonly unit: string
  /** Rows that it has read. */
  readonly rows: number
  /** Whether it has come to the source's end. */
  readonly whole: boolean
}

/** What can be told: of a pass, or of rows that came without one. */
type Told = Aside.Aside & Partial<Pick<Pass, "rows" | "unit">> & Pick<Pass, "whole">

const textOf = ({ rows, unit = "row", whole, ...aside }: Told): string => {
  const { first, source, total } = aside
  const among = rows === undefined
    ? `${total} ${unit}${total === 1 ? "" : "s"}`
    : `${total} of ${whole ? "its" : "the first"} ${rows} ${unit}s`
  const lines = Aside.brief(first).map((row) => `\n  ${Aside.line(row)}`)
  return [
    `${source}: ${among} ${total === 1 ? "is" : "are"} set aside: ${Aside.reasons(aside)}`,
    ...lines,
    ...(total > first.length ? ["\n  …"] : [])
  ].join("")
}

export interface Teller {
  /** Tells of a source, once; again where a pass to its end has found other rows. */
  readonly tell: (told: Told) => Effect.Effect<void>
  /** How many rows of a source are told of. */
  readonly told: (source: string) => number
}

/** @param place the file that holds every row, where there is one */
export const teller = (place: () => Option.Option<string>): Teller => {
  const before = new Map<string, { readonly text: string; readonly total: number }>()
  return {
    told: (source) => before.get(source)?.total ?? 0,
    tell: (told) =>
      Effect.suspend(() => {
        const { source, total, whole } = told
        const last = before.get(source)
        const text = textOf(told)
        if (total === 0 || last?.text === text || (last !== undefined && !whole)) return Effect.void
        before.set(source, { text, total })
        return warn(text + Option.match(place(), { onNone: () => "", onSome: (path) => `\n  All of them: ${path}` }))
      })
  }
}
