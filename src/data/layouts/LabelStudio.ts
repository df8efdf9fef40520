/**
 * Label Studio's JSON exports, whole and JSON-MIN.
 *
 * Choices of several annotators become a distribution: each choice is a vote. Of boxes, which cannot be averaged, the
 * annotation marked as ground truth is taken, or else the latest, of those that have any: one of choices alone says
 * nothing of boxes. Cancelled annotations are not read; a task without
 * any other is set aside, and so is one that is not labelled. Predictions are no annotations.
 */
import { Effect, Option, Path, Result, Stream } from "effect"
import { DataError } from "../../dsl/DataError.ts"
import * as JsonRows from "../JsonRows.ts"
import * as Once from "../Once.ts"
import { count, names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Found from "./Found.ts"
import * as JsonFiles from "./JsonFiles.ts"
import * as Picture from "./LabelStudioPicture.ts"
import * as Task from "./LabelStudioTask.ts"
import type { Hints, Layout } from "./Layout.ts"
import type { Part, Row } from "./Row.ts"

/** What a project is about: boxes, or the choices of one field. */
type Subject = { readonly kind: "boxes" } | { readonly kind: "choices"; readonly from: string }

interface Numbered {
  readonly row: number
  readonly task: Result.Result<Task.Task, BadRow>
}

/** The tasks of a file, each picture's once: read whole, and held for all that is to be known of them. */
const tasks = (source: string) =>
  Once.make(Effect.map(
    Stream.runCollect(JsonRows.read(source, "Label Studio's tasks")),
    (rows): ReadonlyArray<Numbered> => {
      const all = rows.map(({ row, value }) => ({ row, task: Result.flatMap(value, Task.read) }))
      const groups = Map.groupBy(all, ({ row, task }) =>
        Result.isSuccess(task) && Result.isSuccess(task.success.picture) ? task.success.picture.success : row)
      return [...groups.values()].flatMap((group) => {
        const [first] = group
        const found = group.flatMap(({ task }) =>
          Result.isSuccess(task) ? [task.success] : []
        )
        if (first === undefined || group.length === 1) return group
        return [{ row: first.row, task: Result.fromOption(Task.together(found), (): BadRow => none) }]
      })
    }
  ))

const none: BadRow = { reason: "unlabelled", detail: "the task has no annotation" }

const hasBoxes = ({ boxes }: Task.Annotation): boolean => Result.isFailure(boxes) || boxes.success.length > 0

const latest = (annotations: ReadonlyArray<Task.Annotation>): Task.Annotation | undefined =>
  annotations.toSorted((a, b) => a.at < b.at ? -1 : Number(a.at > b.at)).at(-1)

/** The annotation whose boxes count: the ground truth, or else the latest, of those that say something of boxes. */
const counting = (annotations: ReadonlyArray<Task.Annotation>): Task.Annotation | undefined => {
  // One without any result says that nothing is there; one of choices or texts says nothing of it.
  const telling = annotations.filter((one) => hasBoxes(one) || (one.choices.size === 0 && one.others.size === 0))
  const said = telling.length > 0 ? telling : annotations
  const truths = said.filter(({ isTruth }) => isTruth)
  const meant = truths.length > 0 ? truths : said
  return latest(meant.filter(hasBoxes)) ?? latest(meant)
}

/** Whether boxes are taken from another annotation than the one without boxes that came last. */
const isEarlier = (annotations: ReadonlyArray<Task.Annotation>): boolean => {
  const [counted, last] = [counting(annotations), latest(annotations)]
  return counted !== undefined && last !== undefined && hasBoxes(counted) && !hasBoxes(last) && !counted.isTruth
}

/** What is counted over all tasks, to decide what they are about and to say what was not read. */
const survey = (all: ReadonlyArray<Numbered>) => {
  const choices = new Map<string, Set<string>>()
  const boxLabels = new Set<string>()
  const others = new Map<string, number>()
  // Tasks with either.
  let [boxes, chosen] = [0, 0]
  let [cancelled, earlier, several] = [0, 0, 0]
  for (const { task } of all) {
    if (Result.isFailure(task)) continue
    cancelled += task.success.cancelled
    several += Number(task.success.annotations.length > 1)
    earlier += Number(isEarlier(task.success.annotations))
    let [isBoxed, hasChoices] = [false, false]
    for (const kind of new Set(task.success.annotations.flatMap((annotation) => [...annotation.others]))) {
      others.set(kind, (others.get(kind) ?? 0) + 1)
    }
    for (const annotation of task.success.annotations) {
      for (const [from, some] of annotation.choices) {
        const known = choices.get(from) ?? new Set()
        choices.set(from, known)
        for (const choice of some) known.add(choice)
      }
      const drawn = Result.getOrElse(annotation.boxes, () => [])
      isBoxed ||= hasBoxes(annotation)
      hasChoices ||= annotation.choices.size > 0
      for (const { label } of drawn) if (Option.isSome(label)) boxLabels.add(label.value)
    }
    boxes += Number(isBoxed)
    chosen += Number(hasChoices)
  }
  return { choices, boxLabels, boxes, chosen, cancelled, earlier, several, others }
}

/** Decides what is to be learned; hinted labels say which of several fields. */
const subject = (
  { boxes, boxLabels, choices, chosen }: ReturnType<typeof survey>,
  { kind, labels }: Hints
): Result.Result<Subject, string> => {
  const hinted = Option.getOrElse(labels, (): ReadonlyArray<string> => [])
  const knows = (found: ReadonlySet<string> | undefined) => hinted.some((label) => found?.has(label))
  const fields = [...choices.keys()]
  const meant = fields.filter((from) => knows(choices.get(from)))
  // Labels that only one of both knows say which is meant.
  const isSaid = knows(boxLabels) !== meant.length > 0
  const isBoxed = isSaid
    ? knows(boxLabels)
    : kind === undefined
    ? boxes >= chosen
    : kind === "boxes" || chosen === 0
  if (boxes > 0 && isBoxed) return Result.succeed({ kind: "boxes" })
  const [from, ...more] = meant.length > 0 ? meant : fields
  if (from === undefined) return Result.fail("none of its tasks has choices or boxes")
  return more.length === 0
    ? Result.succeed({ kind: "choices", from })
    : Result.fail(
      `its choices are of several fields, ${names([from, ...more])}: name the labels of one with --labels NAME,…`
    )
}

/** The boxes of a task: of the annotation that counts. */
const drawnIn = (annotations: ReadonlyArray<Task.Annotation>): Row["said"] => {
  const counted = counting(annotations)
  return counted === undefined
    ? Result.fail(none)
    : Result.map(counted.boxes, (boxes) => ({ kind: "boxes", boxes }))
}

const saidOf = ({ annotations, cancelled }: Task.Task, about: Subject): Row["said"] => {
  if (annotations.length === 0) {
    return Result.fail(
      cancelled === 0 ? none : { reason: "skipped", detail: `cancelled by ${count(cancelled, "annotator")}` }
    )
  }
  if (about.kind === "boxes") return drawnIn(annotations)
  const votes = new Map<string, number>()
  for (const { choices } of annotations) {
    for (const choice of choices.get(about.from) ?? []) votes.set(choice, (votes.get(choice) ?? 0) + 1)
  }
  const [only] = votes.keys()
  if (only === undefined) return Result.fail({ reason: "no-label", detail: `nothing chosen in "${about.from}"` })
  return Result.succeed({ kind: "weights", told: votes.size === 1 ? "one" : "votes", weights: votes })
}

const rowOf = (about: Subject) => ({ row, task }: Numbered): Row => ({
  row,
  picture: Result.flatMap(task, ({ picture }) => picture),
  split: Option.none(),
  said: Result.flatMap(task, (found) => saidOf(found, about))
})

const notesOf = (
  { boxes, cancelled, choices, chosen, earlier, others, several }: ReturnType<typeof survey>,
  about: Subject
) => [
  ...(several === 0 ? [] : [
    about.kind === "boxes"
      ? `${count(several, "task")} with several annotators: boxes of the ground truth, or else of the latest, are taken`
      : `${count(several, "task")} with several annotators: each choice counts as a vote, read as shares`
  ]),
  ...(earlier === 0 || about.kind !== "boxes" ? [] : [
    `${count(earlier, "task")} whose latest annotation has no boxes: those of an earlier one are taken`
  ]),
  ...(cancelled === 0 ? [] : [`${count(cancelled, "cancelled annotation")} not read`]),
  ...about.kind === "choices" && choices.size > 1
    ? [`choices of other fields are not read: ${names([...choices.keys()].filter((from) => from !== about.from))}`]
    : [],
  ...[...others].map(([kind, n]) => `results of the kind ${quoted(kind)} are not read: those of ${count(n, "task")}`),
  ...(about.kind === "boxes" && choices.size > 0
    ? [
      `choices beside the boxes are not read: ${names([...choices.keys()])}, of ${count(chosen, "task")}, where ` +
      `${boxes} ${boxes === 1 ? "has" : "have"} boxes; --task classification reads choices`
    ]
    : []),
  ...(about.kind === "choices" && boxes > 0
    ? [
      `boxes beside the choices are not read: those of ${count(boxes, "task")}, where ${chosen} ` +
      `${chosen === 1 ? "has" : "have"} choices; --task detection reads boxes`
    ]
    : [])
]

export const layout: Layout = {
  name: "Label Studio",
  example: "project.json: Label Studio's export as JSON or JSON-MIN beside its pictures",
  open: Effect.fnUntraced(function*(at, hints) {
    const path = yield* Path.Path
    const files = yield* JsonFiles.find(at, "label-studio")
    if (Option.isNone(files)) return Option.none()
    const { notes, root, test, train } = files.value
    const half = (name: string) => {
      const source = path.join(root, name)
      return { name, source, read: tasks(source) }
    }
    const trained = half(train)
    const tested = Option.map(test, half)
    const all = yield* Effect.forEach([trained, ...Option.toArray(tested)], ({ read }) => read.get)
    const counted = survey(all.flat())
    const about = yield* Effect.fromResult(
      Result.mapError(subject(counted, hints), (reason) => new DataError({ source: trained.source, reason }))
    )
    const part = Effect.fnUntraced(function*({ name, read: { get, release }, source }: typeof trained) {
      const rows = Stream.unwrap(Effect.map(get, Stream.fromIterable)).pipe(Stream.map(rowOf(about)))
      return { source, unit: "task", rows, release, find: yield* Picture.open(root, path.dirname(name)) } satisfies Part
    })
    return Option.some(
      yield* Found.make({
        layout: layout.name,
        hints,
        train: yield* part(trained),
        test: Option.isSome(tested) ? Option.some(yield* part(tested.value)) : Option.none(),
        spread: false,
        notes: [`${train}: tasks of Label Studio`, ...notes, ...notesOf(counted, about)]
      })
    )
  })
}
