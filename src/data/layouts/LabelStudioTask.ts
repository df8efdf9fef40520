/**
 * Tasks of Label Studio, as its two JSON exports hold them: JSON with an entry per task and the annotations in it,
 * JSON-MIN with an entry per annotation whose fields are named by the labelling set-up.
 */
import { Option, Result } from "effect"
import { names, quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import * as Spelling from "../Spelling.ts"
import { type Box, type Fields, isFields } from "./BoxForms.ts"
import { pictureFields } from "./JsonFiles.ts"
import * as Region from "./LabelStudioRegion.ts"

/** What one annotator says of a picture. */
export interface Annotation {
  /** Choices by the field that they are of. */
  readonly choices: ReadonlyMap<string, ReadonlyArray<string>>
  readonly boxes: Result.Result<ReadonlyArray<Box>, BadRow>
  /** Results of other kinds, such as "textarea" or "taxonomy", as far as they say what kind they are. */
  readonly others: ReadonlySet<string>
  /** Whether it is marked as the truth. */
  readonly isTruth: boolean
  /** When it was changed last, as text that sorts. */
  readonly at: string
}

export interface Task {
  readonly picture: Result.Result<string, BadRow>
  /** Those that were not cancelled. */
  readonly annotations: ReadonlyArray<Annotation>
  /** Annotations that were cancelled: the annotator skipped the task. */
  readonly cancelled: number
}

const textOf = (value: unknown) => typeof value === "string" ? value : ""

const looksLikePicture = (value: string) => /\.(?:jpe?g|png|webp|gif|tiff?|avif)(?:$|[?#])/i.test(value)

/** The picture among a task's data: by the name of its field, or by what it looks like. */
const pictureOf = (data: Fields): Result.Result<string, BadRow> => {
  const key = pictureFields.find((name) => textOf(data[name]) !== "") ??
    Object.keys(data).find((name) => looksLikePicture(textOf(data[name])))
  return key === undefined
    ? Result.fail({ reason: "no-image", detail: `no picture among ${names(Object.keys(data))}` })
    : Result.succeed(textOf(data[key]))
}

/** The choices that a value holds; a rating is one. */
const choicesOf = (value: Fields): ReadonlyArray<string> => {
  const { choices, rating } = value
  if (typeof rating === "number") return [String(rating)]
  return Array.isArray(choices)
    ? choices.filter((choice) => typeof choice === "string").map((c) => Spelling.composed(c.trim()))
    : []
}

/** The annotation that these values are, each with its field and, where it is of a region, that region's id. */
const annotation = (
  values: ReadonlyArray<
    { readonly from: string; readonly id: string; readonly value: Fields; readonly type: string }
  >,
  { at, isTruth }: Pick<Annotation, "at" | "isTruth">
): Annotation => {
  const choices = new Map<string, ReadonlyArray<string>>()
  const others = new Set<string>()
  const regions = new Map<string, { readonly value: Fields; readonly labels: ReadonlyArray<string> }>()
  for (const [i, { from, id, type, value }] of values.entries()) {
    if (!Region.isRegion(value)) {
      const chosen = choicesOf(value)
      if (chosen.length > 0) choices.set(from, [...choices.get(from) ?? [], ...chosen])
      else if (type !== "" && value["choices"] === undefined) others.add(type)
      continue
    }
    // A shape, its label and what else is said of it are results of one id.
    const key = id === "" ? `#${i}` : id
    const known = regions.get(key) ?? { value, labels: [] }
    regions.set(key, { ...known, labels: [...new Set([...known.labels, ...Region.labelsOf(value)])] })
  }
  const boxes = Result.map(
    Result.all([...regions.values()].map(({ labels, value }) => Region.boxes(value, labels))),
    (found) => found.flat()
  )
  return { choices, boxes, others, isTruth, at }
}

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

const results = (entry: Fields) =>
  list(entry["result"]).flatMap((result) => {
    if (!isFields(result) || !isFields(result["value"])) return []
    const { from_name: from, id, image_rotation, original_height, original_width, type, value } = result
    const stated = Object.entries({ image_rotation, original_height, original_width }).filter(([, of]) =>
      of !== undefined
    )
    const whole = { ...Object.fromEntries(stated), ...value }
    return [{ from: textOf(from), id: textOf(id), type: textOf(type), value: whole }]
  })

const whole = (task: Fields): Task => {
  const data = isFields(task["data"]) ? task["data"] : {}
  const entries = list(task["annotations"] ?? task["completions"]).filter(isFields)
  const isCancelled = (entry: Fields) => entry["was_cancelled"] === true || entry["skipped"] === true
  return {
    picture: pictureOf(data),
    annotations: entries.filter((entry) => !isCancelled(entry)).map((entry) =>
      annotation(results(entry), {
        isTruth: entry["ground_truth"] === true,
        at: textOf(entry["updated_at"] ?? entry["created_at"])
      })
    ),
    cancelled: entries.filter(isCancelled).length
  }
}

/** Fields of JSON-MIN that no labelling set-up names. */
const own = new Set(["id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"])

const brief = (record: Fields): Task => {
  const data = Object.fromEntries(Object.entries(record).filter(([key]) => !own.has(key)))
  const picture = pictureOf(data)
  const values = Object.entries(data).flatMap(([from, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((each: unknown) => {
      if (isFields(each)) return [{ from, id: "", type: "", value: each }]
      const isPicture = Result.isSuccess(picture) && picture.success === each
      return typeof each === "string" && !isPicture && each.trim() !== ""
        ? [{ from, id: "", type: "", value: { choices: [each] } }]
        : []
    })
  )
  return {
    picture,
    annotations: [annotation(values, { isTruth: false, at: textOf(record["updated_at"] ?? record["created_at"]) })],
    cancelled: 0
  }
}

/** An entry of either export. */
export const read = (entry: unknown): Result.Result<Task, BadRow> => {
  if (!isFields(entry)) return Result.fail({ reason: "not-an-object", detail: `${quoted(entry)}, expected a task` })
  return Result.succeed(isFields(entry["data"]) ? whole(entry) : brief(entry))
}

/** Tasks of one picture as one: JSON-MIN has an entry per annotator. */
export const together = (tasks: ReadonlyArray<Task>): Option.Option<Task> =>
  Option.map(Option.fromUndefinedOr(tasks[0]), (first) => ({
    ...first,
    annotations: tasks.flatMap(({ annotations }) => annotations),
    cancelled: tasks.reduce((sum, { cancelled }) => sum + cancelled, 0)
  }))
