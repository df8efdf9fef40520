/**
 * Rows that were set aside, in lines for a terminal.
 */
import { Effect, Path } from "effect"
import * as Aside from "../dsl/Aside.ts"
import type * as Quarantine from "../dsl/Quarantine.ts"

/** Options of `asideLines`. */
export interface AsideOptions {
  /** How many of the rows are named, one line each, where nobody tells of them later. Default 0. */
  readonly rows?: number
  /** Where the others are to be seen, as after "and 12 more: ". */
  readonly rest?: string
}

/** A row under the name of its data set: of what lies in that, it is said where. Pictures have their names. */
const placed = (row: Quarantine.Row, roots: ReadonlyArray<string>): string => {
  const root = roots.find((root) => row.source.startsWith(root)) ?? ""
  const place = row.source.slice(root.length).replace(/^[/\\]+/, "")
  return row.unit === "picture" || place === "" ? Aside.line(row) : `${place}, ${Aside.line(row)}`
}

/** Counts by reason, then the first rows; none where nothing was set aside. `name` is that of the data set. */
export const asideLines = (
  aside: Quarantine.Collector,
  name: string,
  { rest, rows = 0 }: AsideOptions
): Effect.Effect<ReadonlyArray<string>, never, Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const reasons = Object.entries(yield* aside.counts).map(([reason, count]) => `${reason} ${count}`)
    // Readers run beside each other: their rows come in any order.
    const first = (yield* aside.rows)
      .toSorted((a, b) => a.source === b.source ? a.row - b.row : a.source < b.source ? -1 : 1)
      .slice(0, rows)
    const others = rows > 0 ? (yield* aside.total) - first.length : 0
    return reasons.length === 0 ? [] : [
      `set aside: ${reasons.join(", ")}`,
      ...Aside.brief(first).map((row) => `  ${placed(row, [name, path.resolve(name)])}`),
      ...others > 0 ? [`  and ${others} more${rest === undefined ? "" : `: ${rest}`}`] : []
    ]
  })
