/**
 * Answers as CSV (RFC 4180): one record per picture; for distributions one column per label.
 */
import { isBoxes, type Row, type Shape } from "./Row.ts"

/** Columns beside the picture's and the labels'. A label of that name goes first: the column gets `rise_` before it. */
const others = ["annotation", "reasoning", "confidence", "closed", "width", "height", "fault"] as const

const columnsOf = ({ kind, labels }: Shape) => {
  const values = kind === "shares" ? labels : ["boxes"]
  const free = (name: string): string => values.includes(name) ? free(`rise_${name}`) : name
  return [free("image"), ...values, ...others.map(free)]
}

const quoted = (field: string) => /[",\r\n]/.test(field) ? `"${field.replaceAll("\"", "\"\"")}"` : field

const record = (fields: ReadonlyArray<string>) => `${fields.map(quoted).join(",")}\r\n`

/** The first record. */
export const header = (shape: Shape): string => record(columnsOf(shape))

const valuesOf = ({ value }: Row, { kind, labels }: Shape): ReadonlyArray<string> => {
  if (kind === "boxes") return [value === null ? "" : JSON.stringify(value)]
  return labels.map((label) => value === null || isBoxes(value) ? "" : String(value[label] ?? ""))
}

export const recordOf = (row: Row, shape: Shape): string =>
  record([row.image, ...valuesOf(row, shape), ...others.map((name) => String(row[name] ?? ""))])

/** The fields of one whole record. */
export const fieldsOf = (text: string): ReadonlyArray<string> =>
  // With a comma before it, every field is one comma and what follows: none can be missed for being empty.
  [...`,${text.replace(/\r?\n$/, "")}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = ""]) =>
    quoted === undefined ? plain : quoted.replaceAll("\"\"", "\"")
  )

/** Which picture a record is of, and whether it holds an annotation. */
export const readBack = (text: string): { readonly image: string; readonly annotated: boolean } => {
  const fields = fieldsOf(text)
  return { image: fields[0] ?? "", annotated: (fields.at(-1) ?? "") === "" }
}
