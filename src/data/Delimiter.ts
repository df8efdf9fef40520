/**
 * What parts the cells of a table: a comma, a semicolon as spreadsheets write it where the comma is a decimal mark, or
 * a tab.
 */

export type Delimiter = "," | ";" | "\t" | "|"

/** As people call them. */
export const names: Readonly<Record<Delimiter, string>> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  "|": "bars"
}

/** Ties go to the first: a comma may stand in a cell, a tab hardly. */
const known: ReadonlyArray<Delimiter> = ["\t", "|", ";", ","]

/** The delimiter that parts a header into most cells; a comma where none parts it. Quoted cells count as one. */
export const of = (header: string): Delimiter => {
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, "")
  const cells = (delimiter: Delimiter) => bare.split(delimiter).length
  const best = known.reduce((most, next) => cells(next) > cells(most) ? next : most)
  return cells(best) > 1 ? best : ","
}

/** The delimiter that a spreadsheet's own first line names: `sep=;`. */
export const named = (line: string): Delimiter | undefined => {
  const [, name] = /^"?sep=([,;\t|])"?\s*$/i.exec(line) ?? []
  return known.find((delimiter) => delimiter === name)
}

/** `1,200` and `1,234,567.5`: what parts cells stands in a quoted one. */
const thousands = /^\s*[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?\s*$/

/** `1 200`, `1'200.5` and `1 200,5`: no decimal mark looks so. */
const spaced = /^\s*[-+]?[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3}|['’]\d{3})+(?:[.,]\d+)?\s*$/
/** `1.200,5` and `1.200.000`; of `1.200` alone it cannot be told. */
const dotted = /^\s*[-+]?[1-9]\d{0,2}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})\s*$/

/** A cell as numbers are read: `0.3` of `0,3`, `1200` of a quoted `1,200` where commas part cells, 1 of `TRUE`. */
export const decimal = (delimiter: Delimiter, cell: string): string => {
  const truth = cell.trim().toLowerCase()
  if (truth === "true" || truth === "false") return truth === "true" ? "1" : "0"
  if (spaced.test(cell)) return point(cell.replaceAll(/(?<=\d)[ \u00a0\u2009\u202f'’](?=\d)/g, ""))
  if (dotted.test(cell)) return point(cell.replaceAll(".", ""))
  return delimiter === "," && thousands.test(cell) ? cell.replaceAll(",", "") : point(cell)
}

const point = (cell: string): string => cell.replace(/^(\s*[-+]?\d*),(\d+(?:e[-+]?\d+)?(?:\s*%)?\s*)$/i, "$1.$2")
