/**
 * A table beside pictures: a label for each, or a column of numbers for each label. Its halves are files of their own
 * or named in a column.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import { unreadable } from "../Listing.ts"
import * as Quoted from "../Quoted.ts"
import * as Hinted from "./Hinted.ts"
import type { Classes, Hints, Layout } from "./Layout.ts"
import * as Names from "./Names.ts"
import * as Boxes from "./tables/Boxes.ts"
import * as Candidates from "./tables/Candidates.ts"
import * as Columns from "./tables/Columns.ts"
import * as Notes from "./tables/Notes.ts"
import { most } from "./tables/Profile.ts"
import * as Reading from "./tables/Reading.ts"

type Candidate = Candidates.Candidate

const failing = (source: string) => (reason: string) => Effect.fail(new DataError({ source, reason }))

/** What the columns of a table are; none where nothing in it tells labels. */
const planOf = Effect.fnUntraced(function*(root: string, candidate: Candidate, hints: Hints["labels"]) {
  const { columns, image, table } = candidate
  const boxes = Boxes.refusal(columns, hints)
  if (boxes !== undefined) return yield* failing(table.file)(boxes)
  if (["annotation_id", "annotator"].every((own) => columns.some(({ name }) => name === own))) {
    return yield* failing(table.file)("a CSV of Label Studio, which is not read: export it as JSON or JSON-MIN")
  }
  if (columns.some(({ name }) => name.trim() === "region_shape_attributes")) {
    return yield* failing(table.file)("regions of VIA, which are not read from tables: export them as COCO")
  }
  const split = Columns.splitOf(columns)
  const rest = columns.filter((column) => column !== image.column && column !== split)
  const truth = yield* Columns.truthOf(table, rest.filter(Columns.isContent), hints)
  return Option.map(truth, (truth): Reading.Plan => ({ table, root, image, truth, split }))
})

/** A table and the rows of it that are read. */
interface Side {
  readonly candidate: Candidate
  readonly plan: Reading.Plan
  readonly part: Reading.Part
}

/** The tables of either half, and what to say of others. */
const rolesOf = Effect.fnUntraced(function*(directory: string, all: ReadonlyArray<Candidate>) {
  const of = (half: Names.Half) => all.filter((candidate) => candidate.half === half)
  const [trains, tests, vals] = [of("train"), of("test"), of("validation")]
  const names = (some: ReadonlyArray<Candidate>) => Quoted.names(some.map(({ name }) => name))
  const [train] = trains.length > 0 ? trains : all.length === 1 ? all : []
  if (train === undefined || [trains, tests, vals].some((some) => some.length > 1)) {
    return yield* failing(directory)(
      `several tables name pictures, ${names(all)}: call them train.csv and test.csv, or name one of them as the path`
    )
  }
  const others = all.filter((candidate) => candidate !== train && candidate.half === undefined)
  return { train, tests, vals, notes: others.length > 0 ? [`${names(others)} left alone beside ${train.name}`] : [] }
})

/** Which half of a table with a column for them is tested on. */
const partsOf = (plan: Reading.Plan) => {
  const { split } = plan
  if (split === undefined) return { train: "all", test: undefined, notes: [] } as const
  const halves = new Set(split.first.map(Names.halfOf))
  if (!halves.has("train")) {
    return { train: "all", test: undefined, notes: [`"${split.name}" names no row to train on`] } as const
  }
  const test = halves.has("test") ? "test" : halves.has("validation") ? "validation" : undefined
  const aside = test === "test" && halves.has("validation")
    ? ["rows of val are left aside, those of test are tested on"]
    : test === "validation"
    ? ["rows of val are tested on: there are none of test"]
    : []
  return { train: "train", test, notes: aside } as const
}

/** The labels that a side has, and what to say of them. */
const labelsOf = Effect.fnUntraced(function*({ candidate, part, plan }: Side, hints: Hints) {
  const { table, truth } = plan
  if (truth._tag === "Amounts") {
    const labels = truth.amounts.columns.map(({ name }) => name)
    const twice = labels.find((label, i) => labels.indexOf(label) < i)
    if (twice !== undefined) {
      return yield* failing(table.file)(`two columns are called "${twice}": give each label one column`)
    }
    return { labels: Option.getOrElse(hints.labels, () => labels), tally: undefined }
  }
  if (truth.column.different >= most) {
    return yield* failing(table.file)(
      `"${truth.column.name}" has more than ${most - 1} different values: these are no labels to choose from`
    )
  }
  if (candidate.columns.filter(({ name }) => name === truth.column.name).length > 1) {
    return yield* failing(table.file)(
      `two columns are called "${truth.column.name}": rename the one that does not hold the labels`
    )
  }
  const tally = yield* Reading.tally(plan, truth.column, part)
  const found = Names.sorted([...tally.labels.keys()])
  if (found.length === 0) {
    return yield* failing(table.file)(
      tally.fault === undefined
        ? `"${truth.column.name}" is empty in every row to train on`
        : `none of its rows names a picture that can be read. First, ${tally.fault.reason}: ${tally.fault.detail}`
    )
  }
  const labels = Option.getOrElse(hints.labels, () => found)
  const notes = yield* Hinted.checked(table.file, found, hints, `stands in "${truth.column.name}", which has`)
  return { labels, tally, notes: [...notes, ...Notes.onLabels(candidate.name, tally, labels)] }
})

/** A table to test on, read as the one to train on is. */
const testOf = Effect.fnUntraced(
  function*(root: string, candidate: Candidate, train: Reading.Plan, labels: ReadonlyArray<string>) {
    const hints = train.truth._tag === "Amounts" ? Option.some(labels) : Option.none()
    const plan = yield* planOf(root, candidate, hints)
    if (Option.isNone(plan)) return { side: undefined, notes: [`${candidate.name} has no labels: left aside`] }
    if (plan.value.truth._tag !== train.truth._tag) {
      return yield* failing(candidate.table.file)(
        `its columns ${
          Quoted.names(candidate.table.header)
        } are not those of the table to train on, whose labels are ` +
          Quoted.names(labels)
      )
    }
    // What is a label to train on is one here, however many of these cells are numbers.
    const { truth } = plan.value
    const same = truth._tag === "Label" && train.truth._tag === "Label"
      ? { ...plan.value, truth: { ...truth, numbered: train.truth.numbered } }
      : plan.value
    const side: Side = { candidate, plan: same, part: "all" }
    return { side, notes: Notes.onTable(candidate, same) }
  }
)

/** What the tables of a folder hold; none where none tells labels. */
const classesOf = Effect.fnUntraced(function*(
  { directory, root }: Candidates.Place,
  all: ReadonlyArray<Candidate>,
  hints: Hints
) {
  const { notes, tests, train, vals } = yield* rolesOf(directory, all)
  const plan = yield* planOf(root, train, hints.labels)
  if (Option.isNone(plan)) return Option.none<Classes>()
  const parts = partsOf(plan.value)
  const side: Side = { candidate: train, plan: plan.value, part: parts.train }
  const { labels, notes: said = [], tally } = yield* labelsOf(side, hints)

  const [file] = tests.length > 0 ? tests : vals
  const other = file === undefined
    ? { side: parts.test === undefined ? undefined : { ...side, part: parts.test }, notes: parts.notes }
    : yield* testOf(root, file, plan.value, labels)
  const test = other.side
  const { truth } = test?.plan ?? side.plan
  const tested = test !== undefined && truth._tag === "Label"
    ? yield* Reading.tally(test.plan, truth.column, test.part)
    : undefined
  const unknown = [...tested?.labels.keys() ?? []].filter((label) => !labels.includes(label))

  const read = ({ candidate, part, plan: { table }, plan }: Side, of: Reading.Tally | undefined) =>
    Reading.samples(
      plan,
      part,
      candidate === train && part !== "all" && part !== "train" ? `${table.file} (${part})` : table.file,
      labels,
      of?.several
    )
  const isSingle = (plan: Reading.Plan, of: Reading.Tally | undefined) =>
    plan.truth._tag === "Amounts"
      ? plan.truth.amounts.single
      : [...of?.several.values() ?? []].every((given) => labels.filter((label) => given.has(label)).length < 2)
  return Option.some<Classes>({
    kind: "classes",
    layout: test === undefined ? "table" : "table in halves",
    labels,
    single: isSingle(side.plan, tally) && (test === undefined || isSingle(test.plan, tested)),
    train: read(side, tally),
    test: Option.map(Option.fromUndefinedOr(test), (side) => read(side, tested)),
    notes: [
      ...notes,
      ...Notes.onTable(train, side.plan),
      ...said,
      ...other.notes,
      ...file !== undefined && tests.length > 0 && vals.length > 0
        ? [`${file.name} is tested on, ${vals[0]?.name} is left aside`]
        : [],
      ...file !== undefined && tests.length === 0 ? [`${file.name} is tested on: there is no test table`] : [],
      ...tested === undefined ? [] : Notes.onLabels(`${file?.name ?? train.name} (test)`, tested, []),
      ...Hinted.beyond("the test part", unknown, [...tally?.labels.keys() ?? []], "row")
    ]
  })
})

/** `labels.csv` beside pictures. */
export const layout: Layout = {
  name: "table",
  example: "labels.csv with image,label or image,sun,rain (shares, percentages or votes), also train.csv and test.csv",
  open: (directory, hints) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const io = Effect.mapError(unreadable(directory))
      const { type } = yield* io(fs.stat(directory))
      if (type === "Directory") {
        const place = { directory, root: yield* io(fs.realPath(path.resolve(directory))) }
        const all = yield* Candidates.inFolder(place)
        return all.length === 0 ? Option.none() : yield* classesOf(place, all, hints)
      }
      const found = yield* Candidates.atPath(directory)
      return Option.isNone(found) ? Option.none() : yield* classesOf(found.value.place, [found.value.candidate], hints)
    })
}
