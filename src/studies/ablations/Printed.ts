/**
 * A table as a terminal shows it: columns as far as there is room for them, the others below, each under a heading of
 * as many lines as it needs.
 */
import { cells, squeezed, wrapped } from "../../dsl/progress/Width.ts"
import { columnsOfText, fitting } from "../../evaluation/table.ts"

/** Between columns. */
const gap = 2

/** Holds words together in a line. */
const bound = "\u00a0"

const padded = (text: string, width: number): string => " ".repeat(Math.max(0, width - cells(text))) + text

/**
 * The title and the rows. No line takes more cells than the width, 80 by default: a row's name is cut in its middle,
 * and an entry that has no place even by itself stands in two lines or more.
 *
 * @param rows the first has the headings; the first cell of each is its name
 */
export const table = (
  title: string,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  width: number = columnsOfText
): string => {
  const [head = [], ...body] = rows
  const name = (row: ReadonlyArray<string>) => squeezed(row[0] ?? "", Math.max(8, Math.floor(width / 2)))
  const names = Math.max(...body.map((row) => cells(name(row))), 0)
  const room = Math.max(8, width - names - gap)
  const columns = head.slice(1).map((heading, i) => {
    const entries = body.map((row) => wrapped(row[i + 1] ?? "", room))
    const whole = Math.max(...entries.flat().map(cells), 0)
    // The arrow stays beside its metric.
    const words = wrapped(heading.replace(/ (?=[↓↑]$)/, bound), Math.min(room, Math.max(whole, 12)))
    return { entries, words, width: gap + Math.max(whole, ...words.map(cells)) }
  })
  const blocks = fitting(columns, names, width).map((block) => {
    const line = (first: string, texts: ReadonlyArray<string>) =>
      `${first}${" ".repeat(Math.max(0, names - cells(first)))}${
        block.map((column, i) => padded(texts[i] ?? "", column.width)).join("")
      }`.replaceAll(bound, " ").trimEnd()
    // Of cells that have lines of their own: those of headings stand at the foot, those of entries at the top.
    const high = Math.max(...block.map(({ words }) => words.length))
    const headings = Array.from(
      { length: high },
      (_, at) => line("", block.map(({ words }) => words[at - high + words.length] ?? ""))
    )
    const lines = body.flatMap((row, at) => {
      const deep = Math.max(1, ...block.map(({ entries }) => entries[at]?.length ?? 0))
      return Array.from(
        { length: deep },
        (_, down) => line(down === 0 ? name(row) : "", block.map(({ entries }) => entries[at]?.[down] ?? ""))
      )
    })
    return [...headings, "-".repeat(Math.max(...headings.map(cells))), ...lines].join("\n")
  })
  return [title, ...blocks].join("\n\n")
}
