/**
 * What parts the cells of a table: a comma, a semicolon as spreadsheets write it where the comma is a decimal mark, or
 * a tab.
 */

export type Delimiter = "," | ";" | "\t"

/** As people call them. */
export const names: Readonly<Record<Delimiter, string>> = { ",": "commas", ";": "semicolons", "\t": "tabs" }

/** Ties go to the first: a comma may stand in a cell, a tab hardly. */
const known: ReadonlyArray<Delimiter> = ["\t", ";", ","]

/** The delimiter that parts a header into most cells; a comma where none parts it. Quoted cells count as one. */
export const of = (header: string): Delimiter => {
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, "")
  const cells = (delimiter: Delimiter) => bare.split(delimiter).length
  const best = known.reduce((most, next) => cells(next) > cells(most) ? next : most)
  return cells(best) > 1 ? best : ","
}

/** The delimiter that a spreadsheet's own first line names: `sep=;`. */
export const named = (line: string): Delimiter | undefined => {
  const [, name] = /^"?sep=([,;\t])"?\s*$/i.exec(line) ?? []
  return known.find((delimiter) => delimiter === name)
}

/** `0.3` of `0,3`, where commas do not part cells. */
export const decimal = (delimiter: Delimiter, cell: string): string =>
  delimiter === "," ? cell : cell.replace(/^(\s*[-+]?\d*),(\d+(?:e[-+]?\d+)?\s*%?\s*)$/i, "$1.$2")
