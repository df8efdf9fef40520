/**
 * From the lists and objects of a text to targets, or to the reason why one is none.
 */
import { Option, Result } from "effect"
import { type FormatReason, formatReason } from "../../dsl/Task.ts"
import type { Annotation, Target } from "./Annotation.ts"
import * as Box from "./Box.ts"
import { type Grounded, grounded } from "./Grounding.ts"
import * as Literal from "./Literal.ts"

/** Which four numbers a model writes: `[x1, y1, x2, y2]` or `[x, y, width, height]`. */
export type Order = "xyxy" | "xywh"

/** Why a text, or one box of it, is not an annotation: the `reason` of its `FormatReason`. */
export type Fault =
  | Literal.Fault
  | "empty"
  | "no-box"
  | "several-boxes"
  | "too-many-boxes"
  | "not-four-numbers"
  | "not-finite"
  | "number-out-of-range"
  | "degenerate-box"
  | "outside-image"
  | "missing-label"
  | "unknown-label"
  | "score-out-of-range"

export interface Options<S extends Box.Space> {
  readonly order: Order
  /** Where boxes have to lie. Infinite where the size of the picture is not known. */
  readonly frame: Box.Frame<S>
  /** What happens to a box that lies partly outside: its inside, or a fault. */
  readonly outside: "clip" | "reject"
  /** Labels that a target must bear one of. */
  readonly labels?: ReadonlyArray<string> | undefined
}

/** What a text says: its targets, and what it says that is none. */
export interface Reading<S extends Box.Space> {
  readonly targets: Annotation<S>
  readonly rejected: ReadonlyArray<FormatReason>
}

/** More boxes than anybody asked for: matching takes cubic time. */
export const maximumBoxes = 300
/** Beyond this a coordinate is no pixel of any picture. */
const largest = 1e6

const boxKeys = ["bbox_2d", "bbox", "box", "box_2d"]
const labelKeys = ["label", "category", "class", "name"]
const scoreKeys = ["score", "confidence"]

const show = (value: Literal.Literal): string => {
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${key}: ${show(item)}`).join(", ")}}`
  return Array.isArray(value) ? `[${value.map(show).join(", ")}]` : String(value)
}

const isNumbers = (value: Literal.Literal | undefined, count: number): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.length === count && value.every((item) => typeof item === "number")

/** The first of these keys that an object has. */
const field = (
  object: ReadonlyMap<string, Literal.Literal>,
  keys: ReadonlyArray<string>
): Literal.Literal | undefined => {
  const key = keys.find((name) => object.has(name))
  return key === undefined ? undefined : object.get(key)
}

/** `[x, y], [x, y]`, the form of Qwen2-VL's own grounding: one box in four numbers. */
const joined = (value: Literal.Literal): Literal.Literal =>
  Array.isArray(value) && value.length === 2 && value.every((item) => isNumbers(item, 2)) ? value.flat() : value

/** Puts two pairs together that stand side by side outside a list. */
const paired = (found: ReadonlyArray<Literal.Found>): ReadonlyArray<Literal.Found> => {
  const all: Array<Literal.Found> = []
  for (const next of found) {
    const last = all.at(-1)
    if (last !== undefined && isNumbers(last.value, 2) && isNumbers(next.value, 2) && /^[\s,]*$/.test(next.before)) {
      all[all.length - 1] = { before: last.before, value: [...last.value, ...next.value] }
    } else all.push(next)
  }
  return all
}

/** The name that stands before a list: `umbrella [1, 2, 3, 4]`. */
const nameBefore = (before: string, labels: ReadonlyArray<string> | undefined): string | undefined => {
  const words = before.trim().replace(/(?<![:=])[:=]+$/, "").trimEnd()
  // The longest label that the prose ends with, so that "beer glass" is not read as "glass".
  return labels?.filter((label) => words.endsWith(label) && !/[\p{L}\p{N}]$/u.test(words.slice(0, -label.length)))
    .sort((a, b) => b.length - a.length)[0]
}

type Read<S extends Box.Space> = Result.Result<Target<S>, FormatReason>

/** Checks four numbers and puts them into the frame. */
const boxOf = <S extends Box.Space>(
  value: Literal.Literal,
  { frame, order, outside }: Options<S>
): Result.Result<Box.Box<S>, FormatReason> => {
  const fail = (reason: Fault) => Result.fail(formatReason(reason, show(value)))
  if (!isNumbers(value, 4)) return fail("not-four-numbers")
  if (!value.every(Number.isFinite)) return fail("not-finite")
  if (value.some((item) => Math.abs(item) > largest)) return fail("number-out-of-range")
  const [a = NaN, b = NaN, c = NaN, d = NaN] = value
  const box = order === "xywh" ? Box.make(frame.space, [a, b, c, d]) : Box.fromCorners(frame.space, [a, b, c, d])
  if (!(box[2] > 0 && box[3] > 0)) return fail("degenerate-box")
  const inside = Option.getOrUndefined(Box.clip(box, frame))
  return inside === undefined || (inside !== box && outside === "reject")
    ? fail("outside-image")
    : Result.succeed(inside)
}

/** A box between a family's own tokens: corners in thousandths, put into shares where the frame counts in them. */
const groundedBox = <S extends Box.Space>(
  value: Literal.Literal,
  options: Options<S>
): Result.Result<Box.Box<S>, FormatReason> =>
  boxOf(options.frame.space === "unit" && isNumbers(value, 4) ? value.map((item) => Number(item) / 1000) : value, {
    ...options,
    order: "xyxy"
  })

/** Reads an annotation out of what was found in a text. */
export const read = <S extends Box.Space>(found: ReadonlyArray<Literal.Found>, options: Options<S>): Reading<S> => {
  const { labels } = options
  const results: Array<Read<S>> = []
  /** What the family's own tokens say of the list that is being read. */
  let own: Grounded | undefined
  const fail = (reason: Fault, value: Literal.Literal) =>
    void results.push(Result.fail(formatReason(reason, show(value))))

  const target = (value: Literal.Literal, label: string | undefined, score: number | undefined) => {
    const box = own === undefined ? boxOf(joined(value), options) : groundedBox(joined(value), options)
    if (Result.isFailure(box)) results.push(Result.fail(box.failure))
    else if (labels !== undefined && label === undefined) fail("missing-label", value)
    else if (labels !== undefined && label !== undefined && !labels.includes(label)) fail("unknown-label", label)
    else if (score !== undefined && !(score >= 0 && score <= 1)) fail("score-out-of-range", score)
    else {
      results.push(Result.succeed({
        box: box.success,
        ...(label === undefined ? {} : { label }),
        ...(score === undefined ? {} : { score })
      }))
    }
  }

  /** A value that may hold several targets. */
  const walk = (value: Literal.Literal, label: string | undefined, score: number | undefined): void => {
    if (value instanceof Map) {
      const name = field(value, labelKeys)
      const sure = field(value, scoreKeys)
      const box = field(value, boxKeys)
      const inner = box ?? [...value.values()].filter((item) => typeof item === "object" && item !== null)
      if (box === undefined && Array.isArray(inner) && inner.length === 0) return fail("no-box", value)
      return walk(inner, typeof name === "string" ? name : label, typeof sure === "number" ? sure : score)
    }
    if (!Array.isArray(value)) return fail("not-four-numbers", value)
    if (
      value.length > 0 && joined(value) === value && value.every((item) => typeof item === "object" && item !== null)
    ) {
      for (const item of value) walk(item, label, score)
    } else if (value.length > 0) target(value, label, score)
  }

  for (const { before, value } of paired(found)) {
    own = grounded(before, own)
    walk(
      value,
      own?.name === undefined ? nameBefore(before, labels) : nameBefore(own.name, labels) ?? own.name,
      undefined
    )
  }
  return {
    targets: results.flatMap((result) => Result.isSuccess(result) ? [result.success] : []),
    rejected: results.flatMap((result) => Result.isFailure(result) ? [result.failure] : [])
  }
}
