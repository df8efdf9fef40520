/**
 * Columns of a table that hold boxes, which no table is read for: what is boxed would be lost, and its label taken for
 * the whole picture's.
 */
import { Option } from "effect"
import * as Quoted from "../../Quoted.ts"
import * as BoxForms from "../BoxForms.ts"
import * as Names from "../Names.ts"
import type { Column } from "./Profile.ts"

/** Names that stand for a box, or a side of one, wherever they stand. */
const alone = /^(?:x_?min|y_?min|x_?max|y_?max|bbox(?:_\w+)?|box)$/i

/** Names that do so together: each of them may be something else, such as the size of a picture. */
const together: ReadonlyArray<ReadonlyArray<string>> = BoxForms.sides.map((names) => names.map(Names.key))

const worded = (columns: ReadonlyArray<Column>, next: string): string =>
  `the columns ${Quoted.names(columns.map(({ name }) => name))} hold boxes, which are not read from tables: export ` +
  `them as COCO, ${next}`

/** Why a table is refused for the boxes in it; none where it has none. Columns that are named as labels are some. */
export const refusal = (
  columns: ReadonlyArray<Column>,
  labels: Option.Option<ReadonlyArray<string>>
): string | undefined => {
  const found = columns.filter(({ name }) => alone.test(name.trim()))
  if (found.length > 0) return worded(found, "or take these columns out to read labels alone")
  const isLabel = (name: string) => Option.exists(labels, (labels) => labels.includes(name))
  const numbers = columns.filter(({ filled, isNumeric, name }) => filled > 0 && isNumeric && !isLabel(name))
  const sides = together.map((names) =>
    names.flatMap((name) => numbers.find((column) => Names.key(column.name) === name) ?? [])
  ).find((found, i) => found.length === together[i]?.length)
  // "left" and "right" may be labels: of 0 and 1 alone no side has a length beyond one pixel.
  if (sides === undefined || sides.every(({ isShare, isWhole }) => isShare && isWhole)) return undefined
  return worded(sides, "take these columns out to read labels alone, or name them by --labels where they are labels")
}
