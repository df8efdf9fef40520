/**
 * What is said of a table: whatever a reader had to guess, and what it leaves alone.
 */
import * as Delimiter from "../../Delimiter.ts"
import * as Quoted from "../../Quoted.ts"
import * as Table from "../../Table.ts"
import * as TextEncoding from "../../TextEncoding.ts"
import * as Names from "../Names.ts"
import * as Amounts from "./Amounts.ts"
import type { Candidate } from "./Candidates.ts"
import * as Columns from "./Columns.ts"
import * as Flags from "./Flags.ts"
import type { Column } from "./Profile.ts"
import * as Questions from "./Questions.ts"
import type { Plan, Tally } from "./Reading.ts"

/** The columns that nothing is read from; those of `onUnnamed` are named there. */
const leftOf = ({ image, split, table: { header }, truth }: Plan, columns: ReadonlyArray<Column>) => {
  const read = new Set([
    image.column.index,
    ...split === undefined ? [] : [split.index],
    ...truth._tag === "Label"
      ? [truth.column.index]
      : [
        ...[...truth.amounts.columns, ...truth.amounts.others, ...truth.amounts.unnamed],
        ...truth.flags?.left ?? []
      ].map(({ index }) => index)
  ])
  return columns.filter(({ index, name }) => !read.has(index) && !Table.isIndex(name, index) && header.length > 0)
}

/** `"sun" holds numbers but for 2 cells, "NA" (line 9) first: their rows are set aside`. */
const onOdd = ({ truth }: Plan): ReadonlyArray<string> => {
  const columns = truth._tag === "Amounts" ? truth.amounts.columns : truth.numbered ? [truth.column] : []
  return columns.flatMap(({ firstOdd, firstWord, name, odd }) => {
    if (firstOdd === undefined || (truth._tag === "Label" && firstWord !== undefined)) return []
    const cell = `${Quoted.quoted(firstOdd.cell)} (line ${firstOdd.row})`
    return odd === 1
      ? [`${Quoted.quoted(name)} holds numbers but for ${cell}: its row is set aside`]
      : [`${Quoted.quoted(name)} holds numbers but for ${odd} cells, ${cell} first: their rows are set aside`]
  })
}

/** `"anger" is a label that is not asked for: 3 rows with something in it are set aside`. */
const onOthers = ({ truth }: Plan): ReadonlyArray<string> => {
  if (truth._tag === "Label" || truth.amounts.others.length === 0) return []
  const { aside, others: { length }, others } = truth.amounts
  const are = length === 1 ? "is a label that is" : "are labels that are"
  return [
    `${Quoted.names(others.map(({ name }) => name))} ${are} not asked for: ${
      aside === 1
        ? `the row with something in ${length === 1 ? "it" : "them"} is set aside`
        : `${aside} rows with something in ${length === 1 ? "it" : "them"} are set aside`
    }`
  ]
}

/** `"anger" holds whole numbers, too, and is not named by --labels: …`. */
const onUnnamed = ({ truth }: Plan): ReadonlyArray<string> => {
  if (truth._tag === "Label" || truth.amounts.unnamed.length === 0) return []
  const { columns, unnamed } = truth.amounts
  const names = (some: ReadonlyArray<Column>) => Quoted.names(some.map(({ name }) => name))
  return [
    `${names(unnamed)} ${unnamed.length === 1 ? "holds" : "hold"} whole numbers, too, and --labels leaves ` +
    `${unnamed.length === 1 ? "it" : "them"} out: shares are made of the votes for ${names(columns)} alone`
  ]
}

/** `"is_train" is called as a half is, and is not read: …`. */
const onHalves = (left: ReadonlyArray<Column>): ReadonlyArray<string> => {
  const halves = left.filter(Columns.isHalf)
  return halves.length === 0 ? [] : [
    `${Quoted.names(halves.map(({ name }) => name))} ${
      halves.length === 1 ? "is called as a half of the data is" : "are called as halves of the data are"
    }, and ${halves.length === 1 ? "is" : "are"} not read as such: where rows are to be trained or tested on by ` +
    `${halves.length === 1 ? "it" : "them"}, write a column "split" with train and test`
  ]
}

/**
 * `"train" is called as a half of the data is, and is a label here: …`. Not of shares, which sum to 1 with it alone: of
 * vehicles a train is one.
 */
const onLabelsOfHalves = ({ truth }: Plan): ReadonlyArray<string> => {
  if (truth._tag === "Label" || truth.flags === undefined || truth.amounts.values !== "votes") return []
  const { columns } = truth.amounts
  const halves = columns.filter(Columns.isHalf)
  const [is, label, it] = halves.length === 1
    ? ["is called as a half of the data is", "is a label", "it"]
    : ["are called as halves of the data are", "are labels", "them"]
  const others = columns.filter((column) => !halves.includes(column))
  return halves.length === 0 ? [] : [
    `${Quoted.names(halves.map(({ name }) => name))} ${is}, and ${label} here: where that is wrong, write a column ` +
    `"split" with train and test in ${halves.length === 1 ? "its" : "their"} place, or leave ${it} out by ${
      Quoted.labelsFlag(others.map(({ name }) => name))
    }`
  ]
}

/** How a table was written and what its columns are. */
export const onTable = ({ columns, image, name, table }: Candidate, plan: Plan): ReadonlyArray<string> => {
  const { delimiter, encoding, hasHeader, header } = table
  const { truth } = plan
  const { bare, filled } = image.column
  const written = [
    ...delimiter === "," ? [] : [Delimiter.names[delimiter]],
    ...encoding === "utf-8" ? [] : [TextEncoding.names[encoding]]
  ]
  const left = leftOf(plan, columns)
  return [
    ...written.length > 0 ? [`read with ${written.join(", ")}`] : [],
    ...encoding === "windows-1252" ? ["it is not UTF-8: save it so where names come out wrong"] : [],
    ...hasHeader ? [] : ["no header: its first line names a picture"],
    ...Table.isIndex(header[0] ?? "x", 0) ? ["the first column has no name: an index, left alone"] : [],
    ...image.column.addresses === 0 ? [] : [
      `${Quoted.count(image.column.addresses, "picture")} named by an address: the file of the same name is taken`
    ],
    ...image.folder === "" || image.folder === "." ? [] : [`its pictures are in ${image.folder}/`],
    ...image.suffix === "" && (bare === 0 || bare === filled) ? [] : [
      `${bare === filled ? "its pictures" : `${bare} of its ${filled} pictures`} are named without ${
        image.suffix || "an extension"
      }`
    ],
    `"${image.column.name}" names pictures, ` +
    (truth._tag === "Label"
      ? `"${truth.column.name}" their labels`
      : `${Quoted.count(truth.amounts.columns.length, "column")} of numbers their labels`),
    ...truth._tag === "Amounts" ? [Amounts.noteOn(truth.amounts)] : [],
    ...truth._tag === "Amounts" && truth.questions !== undefined ? Questions.notes(truth.questions) : [],
    ...onOthers(plan),
    ...onUnnamed(plan),
    ...truth._tag === "Amounts" && truth.flags !== undefined ? Flags.notes(truth.flags, truth.amounts.columns) : [],
    ...onOdd(plan),
    ...onLabelsOfHalves(plan),
    ...onHalves([...left, ...truth._tag === "Amounts" ? [...truth.flags?.left ?? [], ...truth.amounts.unnamed] : []]),
    ...left.length > 0 ? [`columns left alone: ${Quoted.names(left.map((column) => column.name))}`] : []
  ].map((note) => `${name}: ${note}`)
}

/** What the labels of a column are like. */
export const onLabels = (
  name: string,
  { labels: rows, several, spaced }: Tally,
  labels: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const split = [...several.values()].filter((given) => given.size > 1).length
  return [
    ...several.size > 0
      ? [
        `${name}: ${
          Quoted.count(several.size, "picture")
        } in several rows, as of several annotators: ${split} of them ` +
        `with different labels, read as shares`
      ]
      : [],
    ...spaced.size > 0
      ? [`${name}: labels are read without the space around them: ${Quoted.names([...spaced].sort(), 3)}`]
      : [],
    ...Names.several(new Map([...rows].filter(([label]) => labels.includes(label)))),
    ...Names.alike(labels),
    ...Names.missing(labels)
  ]
}
