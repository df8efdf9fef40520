/**
 * How boxes are written for a model family, and how its text is read back: the space, the order of the four numbers,
 * the brackets and names around them.
 *
 * Writing rounds to the codec's grid and keeps every side at least one step long. Reading takes any text, forgives
 * how it is spelled (see `Literal`) and is strict in content: four finite numbers with area inside the picture.
 *
 * @module
 */
import { Result } from "effect"
import { type FormatReason, formatReason } from "../../dsl/Task.ts"
import { type Annotation, type Target, wanted } from "./Annotation.ts"
import * as Box from "./Box.ts"
import * as Literal from "./Literal.ts"
import { type Fault, maximumBoxes, type Options as ReadingOptions, type Order, read, type Reading } from "./Reading.ts"

/**
 * - `list`: `[1, 2, 3, 4]`, `[[1, 2, 3, 4], [5, 6, 7, 8]]`;
 * - `named`: `cup [1, 2, 3, 4], hat [5, 6, 7, 8]`;
 * - `json`: `[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}]`;
 * - `pairs`: `(1,2),(3,4)`.
 *
 * All of them write an empty annotation as `[]`, and all of them can be read whichever was meant to be written.
 */
export type Style = "list" | "named" | "json" | "pairs"

/** Definition of a codec, for `make`. */
export interface Definition<S extends Box.Space> {
  /** The coordinate space of the numbers. */
  readonly space: S
  /** Which four numbers stand for a box. */
  readonly order: Order
  /** How boxes and labels are written. */
  readonly style: Style
  /** A closed set: every box bears one of them, in `json` and `named` style. */
  readonly labels?: ReadonlyArray<string> | undefined
  /** The frame that all pictures share. Normalised spaces have theirs; pixels of pictures of any size have none. */
  readonly frame?: Box.Frame<S> | undefined
  /** Digits behind the point. Default 4 in `unit`, else 0. */
  readonly decimals?: number | undefined
  /** Numbers are written in multiples of it. Default the last digit's: 1 without decimals. */
  readonly step?: number | undefined
  /** What happens to a box that lies partly outside the picture. Default "clip". */
  readonly outside?: "clip" | "reject" | undefined
}

/** How boxes are written as text, and read back. */
export interface Codec<S extends Box.Space> {
  /** What `make` was given; a codec of one's own has none, and a task with it is not written down. */
  readonly definition?: Definition<S>
  /** The coordinate space of the numbers. */
  readonly space: S
  /** The labels a box may bear; undefined where they are free or none. */
  readonly labels: ReadonlyArray<string> | undefined
  /** Which four numbers stand for a box. */
  readonly order: Order
  /** How boxes and labels are written. */
  readonly style: Style
  /** What numbers are multiples of, and where a picture ends: infinite where its size is not known. */
  readonly grid: Box.Size & { readonly step: number }
  /** The format in words, for prompts. */
  readonly words: string
  /** Writes an annotation as text, crowds left out. */
  readonly encode: (annotation: Annotation<S>) => string
  /** Everything that a text says, good and bad. Fails where it cannot be read at all or speaks of no box. */
  readonly read: (text: string) => Result.Result<Reading<S>, FormatReason>
  /** As `read`, and one bad box spoils the answer. */
  readonly decode: (text: string) => Result.Result<Annotation<S>, FormatReason>
  /** The whole numbers that give a box away, in either order of writing. */
  readonly numbers: (box: Box.Box<S>) => ReadonlyArray<number>
}

const unitWords: Record<Box.Space, string> = {
  absolute: "pixels",
  resized: "pixels",
  thousandths: "thousandths of the picture's sides",
  unit: "shares of the picture's sides"
}

const frameOf = <S extends Box.Space>({ frame, space }: Definition<S>): Box.Frame<S> => {
  if (frame !== undefined) return frame
  const side = space === "thousandths" ? 1000 : space === "unit" ? 1 : Infinity
  return { space, width: side, height: side }
}

/**
 * Two neighbours on a grid of so many steps to the unit at least: `[low, high]` of one axis, inside the frame where it
 * has an end.
 */
const grid = (steps: number) => (from: number, length: number, end: number): readonly [low: number, high: number] => {
  const high = Math.round((from + length) * steps)
  const near = Math.round(from * steps)
  // A side that rounding would lose takes the step it lies in.
  const low = Math.max(
    0,
    Math.min(near < high ? near : Math.floor((from + length / 2) * steps), Math.floor(end * steps) - 1)
  )
  return [low / steps, Math.max(low + 1, high) / steps]
}

/**
 * Makes a codec.
 *
 * @throws RangeError when labels could not be read back: `list` and `pairs` have no place for them, `named` needs to
 * know them
 */
export const make = <const S extends Box.Space>(definition: Definition<S>): Codec<S> => {
  const {
    decimals = definition.space === "unit" ? 4 : 0,
    labels,
    order,
    outside = "clip",
    space,
    step = 10 ** -decimals,
    style
  } = definition
  if (labels !== undefined && (style === "list" || style === "pairs")) {
    throw new RangeError(`boxes in ${style} style have no place for a label; use json or named`)
  }
  if (labels === undefined && style === "named") {
    throw new RangeError("named boxes can only be read back with the list of labels")
  }
  const frame = frameOf(definition)
  if (!(step > 0)) throw new RangeError(`numbers are written in multiples of a positive step, got ${step}`)
  const snap = grid(1 / step)
  const options: ReadingOptions<S> = { order, frame, outside, labels }
  const number = (value: number) => String(Number(value.toFixed(decimals)))

  const fourOf = (box: Box.Box<S>): readonly [string, string, string, string] => {
    const [left, right] = snap(box[0], box[2], frame.width)
    const [top, bottom] = snap(box[1], box[3], frame.height)
    return order === "xyxy"
      ? [number(left), number(top), number(right), number(bottom)]
      : [number(left), number(top), number(right - left), number(bottom - top)]
  }
  const write = ({ box, label, score }: Target<S>): string => {
    const four = fourOf(box)
    const list = `[${four.join(", ")}]`
    switch (style) {
      case "list":
        return list
      case "named":
        return label === undefined ? list : `${label} ${list}`
      case "pairs":
        return `(${four[0]},${four[1]}),(${four[2]},${four[3]})`
      case "json":
        return `{"bbox_2d": ${list}${label === undefined ? "" : `, "label": ${JSON.stringify(label)}`}${
          score === undefined ? "" : `, "score": ${score}`
        }}`
    }
  }
  const encode = (annotation: Annotation<S>): string => {
    const written = wanted(annotation).map(write)
    if (written.length === 0) return "[]"
    if (style === "json") return `[${written.join(", ")}]`
    return style === "list" && written.length > 1 ? `[${written.join(", ")}]` : written.join(", ")
  }

  const readText = (text: string): Result.Result<Reading<S>, FormatReason> => {
    const fail = (reason: Fault, value: string) => Result.fail(formatReason(reason, value))
    if (text.trim() === "") return fail("empty", text)
    return Result.flatMap(Literal.scan(text), (found) => {
      const reading = read(found, options)
      const count = reading.targets.length + reading.rejected.length
      if (count > maximumBoxes) return fail("too-many-boxes", `${count} boxes`)
      // Only a list says "nothing": prose may be about anything.
      return count > 0 || found.length > 0 ? Result.succeed(reading) : fail("no-box", text)
    })
  }

  const form = order === "xyxy" ? "x1, y1, x2, y2" : "x, y, width, height"
  return {
    definition,
    space,
    labels,
    order,
    style,
    grid: { step, width: frame.width, height: frame.height },
    words: style === "json"
      ? `JSON, [{"bbox_2d": [${form}], "label": "name"}], in ${unitWords[space]}`
      : style === "pairs"
      ? `${order === "xyxy" ? "(x1,y1),(x2,y2)" : "(x,y),(width,height)"} in ${unitWords[space]}`
      : `${style === "named" ? "name " : ""}[${form}] in ${unitWords[space]}`,
    encode,
    read: readText,
    decode: (text) =>
      Result.flatMap(readText(text), ({ rejected, targets }) => {
        const [first] = rejected
        return first === undefined ? Result.succeed(targets) : Result.fail(first)
      }),
    numbers: (box) => {
      const [left, right] = snap(box[0], box[2], frame.width)
      const [top, bottom] = snap(box[1], box[3], frame.height)
      return [left, top, right, bottom, right - left, bottom - top].map(Math.round)
    }
  }
}

/** What a family's codec leaves open. */
export type FamilyOptions<S extends Box.Space> = Omit<Definition<S>, "order" | "style" | "space">

/**
 * Qwen2-VL: corners, `[x1, y1, x2, y2]`, in thousandths as it was trained, or in pixels where a recipe asks for them.
 */
export const qwen2Vl = <const S extends Box.Space = "thousandths">(
  options: FamilyOptions<S> & { readonly space: S; readonly style?: Style }
): Codec<S> => make<S>({ order: "xyxy", style: options.labels === undefined ? "list" : "named", ...options })

/** Qwen2.5-VL: JSON with `bbox_2d` corners in pixels of the resized picture. */
export const qwen25Vl = (options: FamilyOptions<"resized"> = {}): Codec<"resized"> =>
  make({ space: "resized", order: "xyxy", style: "json", ...options })

/** Qwen3-VL: JSON with `bbox_2d` corners in thousandths of the picture. */
export const qwen3Vl = (options: FamilyOptions<"thousandths"> = {}): Codec<"thousandths"> =>
  make({ space: "thousandths", order: "xyxy", style: "json", ...options })

/** The embedded scenes, and the paper's order: `[x, y, width, height]`, in thousandths. */
export const scenes = (options: FamilyOptions<"thousandths"> = {}): Codec<"thousandths"> =>
  make({ space: "thousandths", order: "xywh", style: options.labels === undefined ? "list" : "named", ...options })
