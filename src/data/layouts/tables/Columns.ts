/**
 * Which column of a table is what, by their names and by what they hold.
 */
import { Effect, type FileSystem, Option } from "effect"
import { DataError } from "../../../dsl/DataError.ts"
import * as Quoted from "../../Quoted.ts"
import * as Table from "../../Table.ts"
import * as Hinted from "../Hinted.ts"
import * as Names from "../Names.ts"
import * as Amounts from "./Amounts.ts"
import * as Flags from "./Flags.ts"
import * as Profile from "./Profile.ts"
import * as Questions from "./Questions.ts"

type Column = Profile.Column

/** Labels by name in one column, or a column of numbers for each. */
export type Truth =
  | {
    readonly _tag: "Label"
    readonly column: Column
    /** Whether labels are numbers, so that a cell such as "NA" is none. */
    readonly numbered: boolean
  }
  | {
    readonly _tag: "Amounts"
    readonly amounts: Amounts.Amounts
    /** Columns that may be marks of rows; none where labels are named. */
    readonly flags?: Flags.Flags
    /** Whether the columns answer several questions; not asked where labels are named. */
    readonly questions?: Questions.Questions
  }

/** Names that a column may have, without spaces and signs; the likelier first. */
const words = {
  image: ("image images img imgs file files filename filenames filepath filepaths path paths imagepath imagefile " +
    "imagename imagefilename imageid imgname imgpath imgfile imgid picture pictures photo photos pic jpg png")
    .split(" "),
  label: ("label labels class classes classname category categories categoryname labelname target targets tag tags " +
    "annotation groundtruth truth gt answer choice choices classid categoryid labelid").split(" "),
  split: "split set subset partition fold phase usage".split(" "),
  /** What tables hold besides, and is no label. */
  beside:
    ("id index idx no nr width height w h x y x1 y1 x2 y2 xmin ymin xmax ymax size area age year month day date " +
      "time timestamp total count n sum lat lon latitude longitude author source url license licence comment " +
      "comments caption description text title user annotator worker rater md5 sha1 sha256 hash valence arousal " +
      "annotationid createdat updatedat leadtime regioncount regionid").split(
        " "
      )
} as const

const isNamed = (kind: keyof typeof words) => ({ name }: Column) => words[kind].some((word) => word === Names.key(name))

/** The columns that may name pictures, the likelier first: by their names, then all with text. */
export const imagesOf = (columns: ReadonlyArray<Column>): ReadonlyArray<Column> => {
  const place = ({ name }: Column) => words.image.indexOf(Names.key(name))
  const named = columns.filter(isNamed("image")).toSorted((a, b) => place(a) - place(b))
  return [...named, ...columns.filter((column) => !named.includes(column) && isContent(column))]
}

/** Whether a column is called by what pictures are called. */
export const isImage = isNamed("image")

/** Whether a column holds more than the numbers of rows. */
export const isContent = ({ index, name }: Column): boolean => !Table.isIndex(name, index)

/** The column that says which half a row belongs to: one of these names that has such values. */
export const splitOf = (columns: ReadonlyArray<Column>): Column | undefined =>
  columns.find((column) => isNamed("split")(column) && column.first.some((value) => Names.halfOf(value) !== undefined))

/** Whether a column of 0 and 1 is called by a half of the data: `train`, `is_test`, `val`. */
export const isHalf = ({ isNumeric, isShare, isWhole, name }: Column): boolean =>
  isNumeric && isShare && isWhole && Names.isHalf(name)

/** More would be captions, not labels. */
const isFew = ({ different, filled }: Column) =>
  different < Profile.most && (different <= 20 || 2 * different <= filled)

/** Numbers by what most cells are, or names by what is in every one. */
const isNames = ({ different, nature, first }: Column) =>
  nature === "names" && (different > 1 || !first.every(Names.isMissing))

const fail = ({ file }: Table.Table, reason: string) => Effect.fail(new DataError({ source: file, reason }))
const named = (columns: ReadonlyArray<Column>) => Quoted.names(columns.map(({ name }) => name))

/** The columns that numbers for labels may be in: all with numbers, those with shares, those with percent signs. */
const choicesOf = (numbers: ReadonlyArray<Column>) =>
  [
    numbers,
    numbers.filter(({ isShare }) => isShare),
    numbers.filter(({ hasPercents }) => hasPercents)
  ].filter((choice, i, all) => i === 0 || choice.length < (all[0]?.length ?? 0))

const besides = (columns: ReadonlyArray<Column>) =>
  columns.filter((column) => !isNamed("beside")(column) && column.filled > 0)

/** The columns of hinted labels, where all of them are columns. */
const hinted = Effect.fnUntraced(function*(
  table: Table.Table,
  columns: ReadonlyArray<Column>,
  labels: ReadonlyArray<string>
) {
  const found = labels.flatMap((label) => columns.filter(({ name }) => name === label))
  if (found.length !== labels.length || found.length < 2) return Option.none<Truth>()
  // Shares and percentages that add up only with other columns beside them are a part of what a row says. Whole numbers
  // may be anything: what is asked for decides alone.
  const more = besides(columns).filter((column) =>
    column.isNumeric && !isNamed("label")(column) && !found.includes(column)
  )
  const choices = more.length === 0 ? [] : choicesOf(columns.filter((c) => found.includes(c) || more.includes(c)))
    .filter((choice) => choice.length > found.length && found.every((column) => choice.includes(column)))
  const [amounts = Option.none(), ...wider] = yield* Amounts.of(table, [found, ...choices])
  const whole = wider.flatMap(Option.toArray).find(({ values }) => values !== "votes")
  // Rows that add up without the other columns need none of them: those hold something else.
  const isWhole = whole === undefined || Option.exists(
    amounts,
    ({ tally, values }) => values !== "votes" && tally[values] === tally.rows && tally.rows >= whole.tally.rows
  )
  if (!isWhole) {
    const others = whole.columns.filter((column) => !found.includes(column))
    const left = yield* Amounts.without(table, whole, found, others)
    if (Option.isSome(left)) return Option.some<Truth>({ _tag: "Amounts", amounts: left.value })
    return yield* fail(
      table,
      `no row has all its ${whole.values} in the columns ${named(found)}: every one has something in ` +
        `${named(others)} too, and --labels leaves them out. Name more labels, or take columns that are no labels ` +
        "out of the table"
    )
  }
  if (Option.isSome(amounts)) {
    const unnamed = amounts.value.values === "votes" ? more.filter(({ isWhole }) => isWhole) : []
    return Option.some<Truth>({ _tag: "Amounts", amounts: { ...amounts.value, unnamed } })
  }
  const mixture = yield* Amounts.mixture(table, found)
  return yield* fail(
    table,
    Option.isSome(mixture)
      ? `the columns ${named(found)} cannot be read: ${mixture.value}`
      : `the columns ${named(found)} hold neither shares that sum to 1, percentages that sum to 100 nor votes`
  )
})

/** `such as "NA" (line 9)`. */
const suchAs = (odd: Profile.Odd | undefined) =>
  odd === undefined ? "" : `such as ${Quoted.quoted(odd.cell)} (line ${odd.row})`

/** Fails at a column of which it cannot be told whether it holds numbers or names, where that makes the labels. */
const decided = (table: Table.Table, columns: ReadonlyArray<Column>, numbers: ReadonlyArray<Column>) => {
  const doubtful = columns.filter(({ nature }) => nature === "doubtful")
  const first = doubtful.find((column) => numbers.length + doubtful.length > 1 || isFew(column))
  if (first === undefined) return Effect.void
  return fail(
    table,
    `whether ${Quoted.quoted(first.name)} holds numbers or names cannot be told: ${first.filled - first.odd} of its ` +
      `${first.filled} filled cells are numbers, others are not, ${suchAs(first.firstOdd)}; leave cells without a ` +
      `number empty, call a column of names "label", or name the columns of the labels by --labels`
  )
}

/**
 * Fails at columns of halves among those of labels, or in their place.
 *
 * @param labels the others of them
 */
const noLabels = (table: Table.Table, halves: ReadonlyArray<Column>, labels: ReadonlyArray<Column>) => {
  const [holds, are, it] = halves.length === 1
    ? ["holds 0 and 1 and is called as a half of the data is", "is no label unless it is named as one", "it"]
    : ["hold 0 and 1 and are called as halves of the data are", "are no labels unless they are named as such", "them"]
  const flag = (columns: ReadonlyArray<Column>) => Quoted.labelsFlag(columns.map(({ name }) => name))
  return fail(
    table,
    `${named(halves)} ${holds}, and ${are}. To tell halves, write a column "split" with train and test (or val) in ` +
      (halves.length === 1 ? "its place" : "their place") +
      (labels.length === 0 ?
        "" :
        `; to take ${it} for ${halves.length === 1 ? "a label" : "labels"}, name all: ${
          flag([...labels, ...halves])
        }`) +
      (labels.length < 2 ? "" : `; to leave ${it} out, name the others: ${flag(labels)}`)
  )
}

const truthIn = Effect.fnUntraced(function*(table: Table.Table, columns: ReadonlyArray<Column>) {
  const byName = columns.filter(isNamed("label")).toSorted((a, b) =>
    // Names before the numbers that stand for them.
    Number(a.isNumeric) - Number(b.isNumeric) ||
    words.label.indexOf(Names.key(a.name)) - words.label.indexOf(Names.key(b.name))
  )
  const [label] = byName
  if (label !== undefined) return Option.some<Truth>({ _tag: "Label", column: label, numbered: label.isNumeric })
  const plain = besides(columns)
  const numbers = plain.filter(({ isNumeric }) => isNumeric).toSorted((a, b) => a.name < b.name ? -1 : 1)
  const texts = plain.filter((column) => isNames(column) && isFew(column))
  const amounts = (yield* Amounts.of(table, choicesOf(numbers))).flatMap(Option.toArray)
  const summing = amounts.find(({ values }) => values !== "votes")
  // Shares that add up need no other column.
  if (summing === undefined) yield* decided(table, plain, numbers)
  const best = summing ?? (texts.length === 1 ? undefined : amounts[0])
  if (best !== undefined) {
    const flags = yield* Flags.of(table, best.columns, best.values === "percentages" ? 100 : 1)
    const questions = yield* Questions.of(table, best)
    const groups = [best.columns, ...questions.groups]
    const halves = new Set([...flags.doubtful, ...groups.filter((group) => group.every(isHalf)).flat()].filter(isHalf))
    if (halves.size > 0) {
      return yield* noLabels(
        table,
        [...halves],
        best.columns.filter((column) => !halves.has(column))
      )
    }
    if (flags.left.length === 0) return Option.some<Truth>({ _tag: "Amounts", amounts: best, flags, questions })
    const columns = best.columns.filter((column) => !flags.left.includes(column))
    const [amounts = Option.none()] = yield* Amounts.of(table, [columns])
    return Option.some<Truth>(
      Option.isSome(amounts)
        ? { _tag: "Amounts", amounts: amounts.value, flags }
        // Rows without a number for the mark may fit no scale.
        : { _tag: "Amounts", amounts: best, flags: { left: [], doubtful: flags.left } }
    )
  }
  const [only, ...more] = texts.length > 0 ? texts : numbers.filter((column) => column.isWhole && isFew(column))
  if (only === undefined || more.length > 0) return Option.none<Truth>()
  if (isHalf(only)) return yield* noLabels(table, [only], [])
  if (only.isNumeric && only.firstWord !== undefined) {
    return yield* fail(
      table,
      `whether ${Quoted.quoted(only.name)} holds labels cannot be told: most of its cells are numbers, others are ` +
        `not, ${suchAs(only.firstWord)}; call it "label" where these are labels too, or leave such cells empty`
    )
  }
  return Option.some<Truth>({ _tag: "Label", column: only, numbered: only.isNumeric })
})

/** What tells the labels: none where the table has no column besides. Fails where that cannot be told. */
export const truthOf = (
  table: Table.Table,
  columns: ReadonlyArray<Column>,
  labels: Option.Option<ReadonlyArray<string>>
): Effect.Effect<Option.Option<Truth>, DataError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    if (Option.isSome(labels)) {
      const truth = yield* hinted(table, columns, labels.value)
      if (Option.isSome(truth)) return truth
    }
    const truth = yield* truthIn(table, columns)
    if (Option.isSome(labels) && Option.isSome(truth) && truth.value._tag === "Amounts") {
      const found = truth.value.amounts.columns.map(({ name }) => name)
      const missing = labels.value.filter((label) => !found.includes(label))
      const left = found.filter((name) => !labels.value.includes(name))
      return yield* fail(
        table,
        `the labels ${Quoted.names(labels.value)} are not all columns of it; those are ${Quoted.names(found)}` +
          Hinted.meant(missing, left)
      )
    }
    if (Option.isSome(labels) && Option.isSome(truth) && truth.value._tag === "Label") {
      // What the user calls a label is one.
      const numbered = truth.value.numbered && !labels.value.some(Names.isMissing)
      return Option.some<Truth>({ ...truth.value, numbered })
    }
    const left = columns.filter((column) => !isNamed("beside")(column))
    if (Option.isSome(truth) || left.length === 0) return truth
    const numbers = left.filter(({ isNumeric }) => isNumeric)
    const mixture = yield* Amounts.mixture(table, numbers)
    if (Option.isSome(mixture)) {
      return yield* fail(table, `the labels in the columns ${named(numbers)} cannot be read: ${mixture.value}`)
    }
    return yield* fail(
      table,
      `which column holds the labels cannot be told: of ${named(left)} none is called label, class, category or ` +
        `target, and their numbers sum neither to 1 nor to 100; call the column "label", or name the columns by ` +
        `--labels`
    )
  })
