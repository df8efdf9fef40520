/**
 * The table of results that a terminal shows.
 */
import { Option } from "effect"
import { cells, squeezed } from "../dsl/progress/Width.ts"
import { shownInLine } from "../kernels/runtime/Shown.ts"
import { didYouMean } from "../kernels/text/near.ts"
import { show } from "../kernels/text/show.ts"
import { figure, type ResultRow } from "./Results.ts"

const distinct = (values: ReadonlyArray<string>) => [...new Set(values)]

/** Of a page, and of most terminals. */
export const columnsOfText = 80

/** To the width of a column, in the cells of a terminal. */
const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - cells(text)))

/** A heading stands in two lines where it can: "win rate", "mAP@0.5". */
const heading = (metric: string): readonly [string, string] => {
  const at = metric.includes(" ") ? metric.lastIndexOf(" ") : metric.indexOf("@")
  return at < 0 ? ["", metric] : [metric.slice(0, at), metric.slice(at).trim()]
}

/** Columns side by side as far as they fit a terminal; the next row of columns stands below. */
export const fitting = <C extends { readonly width: number }>(
  columns: ReadonlyArray<C>,
  wide: number,
  width: number
): ReadonlyArray<ReadonlyArray<C>> => {
  const blocks: Array<Array<C>> = []
  let left = 0
  for (const column of columns) {
    left -= column.width
    if (left < 0 || blocks.length === 0) {
      blocks.push([])
      left = width - wide - column.width
    }
    blocks.at(-1)?.push(column)
  }
  return blocks
}

/** Says of names that no row has that there are none, with those there are. */
const absent = (rows: ReadonlyArray<ResultRow>, metrics: ReadonlyArray<string>): ReadonlyArray<string> => {
  const there = distinct(rows.map(({ metric }) => metric))
  if (there.length === 0) return ["(no results)"]
  const listed = there.map(shownInLine).join(", ")
  return metrics.filter((metric) => !there.includes(metric)).map((metric) =>
    `(no figure ${show(metric)} in these results, which have ${listed}${didYouMean(metric, there)})`
  )
}

/**
 * Methods down, metrics across, for each part. No line takes more cells than the width, 80 by default: columns that
 * have no place beside the others stand below. A metric that no row has is named under the table, with those there are.
 */
export const table = (
  rows: ReadonlyArray<ResultRow>,
  metrics: ReadonlyArray<string>,
  width: number = columnsOfText
): string => {
  const missing = absent(rows, metrics)
  const columns = metrics.filter((metric) => rows.some((row) => row.metric === metric)).map((metric) => {
    const words = heading(metric)
    return { metric, words, width: 2 + Math.max(5, ...words.map((word) => word.length)) }
  })
  const methods = distinct(rows.map(({ method }) => method)).filter((method) =>
    rows.some((row) => row.method === method && columns.some(({ metric }) => metric === row.metric))
  )
  return distinct(rows.map(({ part }) => part)).flatMap((part): ReadonlyArray<string> => {
    const n = rows.find((row) => row.part === part && row.method === "RISE")?.n ?? rows.find((row) =>
      row.part === part
    )?.n ?? 0
    // Half of the width at most: a part may be called anything.
    const short = (text: string) => squeezed(shownInLine(text), Math.max(8, Math.floor(width / 2)))
    const name = short(`${part} (${n})`)
    const wide = Math.max(...[name, ...methods.map(short)].map(cells))
    return fitting(columns, wide, width).flatMap((block) => {
      const line = (first: string, values: ReadonlyArray<string>) =>
        `${padded(first, wide)}${values.map((cell, i) => cell.padStart(block[i]?.width ?? 0)).join("")}`.trimEnd()
      const lines = methods.flatMap((method) => {
        const values = block.map(({ metric }) =>
          Option.match(figure(rows, method, part, metric), { onNone: () => "–", onSome: (value) => value.toFixed(3) })
        )
        return values.every((value) => value === "–") ? [] : [line(short(method), values)]
      })
      if (lines.length === 0) return []
      const upper = line("", block.map(({ words }) => words[0]))
      const lower = line(name, block.map(({ words }) => words[1]))
      return [
        [...(upper === "" ? [] : [upper]), lower, "-".repeat(Math.max(...[upper, lower].map(cells))), ...lines].join(
          "\n"
        )
      ]
    })
  }).concat(missing.length === 0 ? [] : missing.join("\n")).join("\n\n")
}
