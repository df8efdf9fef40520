/**
 * Labels as rows write them: a name, a number for each of several, a list of names, a list of scored names.
 */
import { Option, Result } from "effect"
import { quoted } from "../Quoted.ts"
import type { BadRow } from "../Rows.ts"
import { number } from "../Segmentation.ts"
import { type Fields, isFields } from "./BoxForms.ts"
import * as Names from "./Names.ts"

/** What a row says of the labels of its picture. */
export interface Weights {
  readonly kind: "weights"
  /**
   * How: a single label; names in a list, each a vote; votes that were counted; a number per label; numbers in a list,
   * their labels unsaid.
   */
  readonly told: "one" | "list" | "votes" | "numbers" | "vector"
  readonly weights: ReadonlyMap<string, number>
}

/** Fields in which labels are looked for, in this order. */
export const fields: ReadonlyArray<string> = [
  ...["label", "labels", "class", "class_name", "classes", "category", "category_name", "categories"],
  ...["annotation", "annotations", "answer", "target", "distribution", "probabilities", "votes", "tag", "tags"],
  "emotion"
]

const nameFields = ["label", "class", "category", "name", "choice"]
const weightFields = ["score", "share", "probability", "weight", "value", "count", "votes"]

const bad = (reason: string, detail: string) => Result.fail<BadRow>({ reason, detail })

const one = (label: string): Weights => ({ kind: "weights", told: "one", weights: new Map([[label, 1]]) })

/** The label that a text, a number or a boolean is. */
const scalar = (value: unknown): Option.Option<string> => {
  const isPlain = typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)
  const text = isPlain ? String(value).trim() : ""
  return text === "" ? Option.none() : Option.some(text)
}

/** Numbers by label, if a row has such. Text that is a number is one. */
const numbers = (value: Fields): Option.Option<ReadonlyMap<string, number>> => {
  const entries = Object.entries(value).map(([key, weight]) =>
    Option.map(number(weight), (found) => [key.trim(), found] as const)
  )
  return entries.length === 0 ? Option.none() : Option.map(Option.all(entries), (all) => new Map(all))
}

const firstOf = (from: Fields, keys: ReadonlyArray<string>) => keys.map((key) => from[key]).find((v) => v !== undefined)

/** `{"label": "sun", "score": 0.7}`. */
const scored = (value: unknown): Option.Option<readonly [string, number]> =>
  isFields(value)
    ? Option.all([scalar(firstOf(value, nameFields)), number(firstOf(value, weightFields))])
    : Option.none()

const summed = (pairs: ReadonlyArray<readonly [string, number]>): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  for (const [label, weight] of pairs) sums.set(label, (sums.get(label) ?? 0) + weight)
  return sums
}

/** The labels that stand under `field`. */
export const read = (field: string, value: unknown): Result.Result<Weights, BadRow> => {
  const wrong = () =>
    bad("bad-annotation", `"${field}" is ${quoted(value)}, expected a label, or an object with a number per label`)
  const label = scalar(value)
  if (Option.isSome(label)) return Result.succeed(one(label.value))
  if (value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)) {
    return bad("no-label", `"${field}" is ${quoted(value)}, expected a label`)
  }
  if (Array.isArray(value)) {
    const pairs = Option.all(value.map(scored))
    if (Option.isSome(pairs)) {
      return Result.succeed({ kind: "weights", told: "numbers", weights: summed(pairs.value) })
    }
    if (value.length > 1 && value.every(Number.isFinite)) {
      const weights = new Map(value.map((weight, i) => [String(i), Number(weight)]))
      return Result.succeed({ kind: "weights", told: "vector", weights })
    }
    const labels = Option.all(value.map(scalar))
    const [first] = Option.getOrElse(labels, () => [])
    if (Option.isNone(labels) || first === undefined) return wrong()
    if (labels.value.length === 1) return Result.succeed(one(first))
    return Result.succeed({ kind: "weights", told: "list", weights: summed(labels.value.map((name) => [name, 1])) })
  }
  if (!isFields(value)) return wrong()
  const name = scalar(firstOf(value, nameFields))
  if (Option.isSome(name)) return Result.succeed(one(name.value))
  if (Object.keys(value).length > 0 && Object.keys(value).every(Names.isMeasure)) {
    return bad(
      "bad-annotation",
      `"${field}" is ${
        quoted(value)
      }, which reads as a place or a size: expected a label, or an object with a number ` +
        "per label. What is no label and no box is read in a script (JsonLines.read, docs/write-a-task.md)"
    )
  }
  return Option.match(numbers(value), {
    onNone: wrong,
    onSome: (weights) => Result.succeed({ kind: "weights", told: "numbers", weights })
  })
}
