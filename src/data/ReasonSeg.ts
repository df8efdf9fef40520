/**
 * ReasonSeg, the data of LISA: `name.jpg` with `name.json`,
 * `{"text": question(s), "shapes": [{"label": "target", "points": …}]}`.
 *
 * As in RISE's adaptation: masks become boxes, and every question becomes a sample of its own with a single target.
 * Shapes labelled "flag" mean nothing, shapes labelled "ignore" are no part of the target. A target without an extent
 * sets its picture aside: the others would be too small an answer.
 *
 * @module
 */
import { Effect, FileSystem, Path, Schema, Stream } from "effect"
import { DataError } from "../dsl/Dataset.ts"
import type { Sample } from "../dsl/Task.ts"
import type { Xywh } from "../kernels/math/Iou.ts"
import * as Rules from "../kernels/math/Rules.ts"
import * as SystemFault from "../kernels/runtime/SystemFault.ts"
import { warn } from "../kernels/runtime/Warning.ts"
import * as ControlTokens from "../kernels/text/ControlTokens.ts"
import * as Json from "../kernels/weights/Json.ts"
import * as Folder from "./Folder.ts"
import { around, inside, type Instances } from "./Instances.ts"
import * as JsonText from "./JsonText.ts"
import * as Reader from "./Options.ts"
import { count, quoted } from "./Quoted.ts"
import * as Rows from "./Rows.ts"

/** A question about a picture, and the box of its answer. */
export interface Asked extends Sample<Instances> {
  readonly question: string
}

/** A dataset of questions. */
export type Questions = Stream.Stream<Asked, DataError, FileSystem.FileSystem | Path.Path>

/** Options of `read`. */
export interface Options extends Folder.Limits {
  /**
   * What a question with several polygons asks for. `"one"`: the box around all of them, which is the box of the
   * mask. `"each"`: polygons apart from each other are targets apart, each a sample. Default "one".
   */
  readonly targets?: "one" | "each"
}

const Shape = Schema.Struct({
  label: Schema.String,
  points: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite])),
  /** LabelMe's. Default "polygon". */
  shape_type: Schema.optional(Schema.NullOr(Schema.String))
})
/** More than white space. */
const Question = Schema.String.check(Schema.isPattern(/\S/))
const Entry = Schema.Struct({
  text: Schema.Union([Question, Schema.Array(Question).check(Schema.isMinLength(1))]),
  shapes: Schema.Array(Shape)
})
const decodeEntry = Rows.decode(Entry, "bad-annotation")

/** Kinds of shapes that cover something. A mask is given by the corners of its box, as a rectangle is. */
const areas = new Set(["polygon", "rectangle", "rotation", "circle", "mask"])

/** The extent of a shape as LabelMe draws it, or why it has none. */
const boxOf = ({ points, shape_type }: typeof Shape.Type): Effect.Effect<Xywh, Rows.BadRow> => {
  const kind = shape_type ?? "polygon"
  const [centre, edge] = points
  const needed = kind === "polygon" ? 3 : 2
  if (!areas.has(kind) || points.length < needed || centre === undefined || edge === undefined) {
    const detail = `a ${kind} of ${points.length} points has no extent, expected a polygon of 3 or a rectangle of 2`
    return Effect.fail({ reason: "bad-annotation", detail })
  }
  if (kind !== "circle") return Effect.succeed(around(points))
  const radius = Math.hypot(edge[0] - centre[0], edge[1] - centre[1])
  return Effect.succeed([centre[0] - radius, centre[1] - radius, 2 * radius, 2 * radius])
}

const isIgnored = ({ label }: typeof Shape.Type): boolean => label.toLowerCase().includes("ignore")

/** LISA's own reading: flags mean nothing, what is to be ignored is no target, all else is, however it is labelled. */
const isTarget = (shape: typeof Shape.Type): boolean => shape.label.trim().toLowerCase() !== "flag" && !isIgnored(shape)

/** What there is to say of shapes that are left out, which are counted by file: a pass may be one of many. */
const leftOut = (directory: string) => {
  const ignored = new Map<string, number>()
  let isTold = false
  return {
    add: (name: string, shapes: ReadonlyArray<typeof Shape.Type>): void => {
      const count = shapes.filter(isIgnored).length
      if (count > 0) ignored.set(name, count)
    },
    /** Once, after a whole pass. */
    tell: Effect.suspend(() => {
      if (isTold || ignored.size === 0) return Effect.void
      isTold = true
      const shapes = [...ignored.values()].reduce((sum, n) => sum + n, 0)
      return warn(
        `${directory}: ${count(shapes, "shape")} labelled to be ignored, in ${count(ignored.size, "picture")}, ` +
          `${shapes === 1 ? "is" : "are"} no part of the targets`
      )
    })
  }
}

const join = (a: Xywh, b: Xywh): Xywh =>
  around([[a[0], a[1]], [a[0] + a[2], a[1] + a[3]], [b[0], b[1]], [b[0] + b[2], b[1] + b[3]]])
const touch = (a: Xywh, b: Xywh) =>
  a[0] <= b[0] + b[2] && b[0] <= a[0] + a[2] && a[1] <= b[1] + b[3] && b[1] <= a[1] + a[3]

/** Boxes that touch become one, until none do: parts of one thing cut up by what is in front of it. */
const apart = (boxes: ReadonlyArray<Xywh>): ReadonlyArray<Xywh> => {
  let left = boxes
  for (;;) {
    const merged = left.reduce((done: ReadonlyArray<Xywh>, box) => {
      const { no = [], yes = [] } = Object.groupBy(done, (other) => touch(other, box) ? "yes" : "no")
      return [...no, yes.reduce(join, box)]
    }, [])
    if (merged.length === left.length) return merged
    left = merged
  }
}

/** Shapes of a picture; those that touch are looked for by comparing all with all. */
const mostShapes = 1000

/** Says which file a fault is of: a picture's place in its folder tells nobody. */
const named = (name: string) => ({ detail, reason }: Rows.BadRow): Rows.BadRow => ({
  reason,
  detail: detail.startsWith(name) ? detail : `${name}: ${detail}`
})

/** Pictures as ReasonSeg has them, and as copies of it were re-encoded. */
const extensions = [".jpg", ".jpeg", ".png", ".JPG"]

/** What the options may be. */
const rules: Rules.Table = { ...Reader.limits, targets: Rules.oneOf("one", "each") }

/**
 * The questions of a folder, in order of file names. Ids are the picture's name and the question's number. Fails
 * where the folder cannot be read or nothing in it can be used.
 *
 * ```ts
 * ReasonSeg.read("ReasonSeg/train")
 * ```
 */
export const read = (directory: string, options: Options = {}): Questions => {
  const left = leftOut(directory)
  return Stream.unwrap(Effect.gen(function*() {
    yield* Reader.check(directory, rules, options)
    const fs = yield* FileSystem.FileSystem
    const expected = "ReasonSeg's pictures, each with a JSON file of the same name"
    const folder = yield* Folder.open(directory, expected, options)
    const names = yield* fs.readDirectory(folder.root).pipe(
      Effect.mapError((error) =>
        new DataError({ source: directory, reason: `cannot be read: ${SystemFault.words(error)}` })
      )
    )
    const present = new Set(names)

    const questions = (name: string): Effect.Effect<ReadonlyArray<Asked>, Rows.BadRow> =>
      Effect.gen(function*() {
        const path = yield* folder.file(name)
        const bytes = yield* Effect.mapError(
          fs.readFile(path),
          (error): Rows.BadRow => ({ reason: "unreadable-file", detail: `${path}: ${SystemFault.words(error)}` })
        )
        const json = yield* Effect.try({
          try: () => JsonText.parse(bytes),
          catch: (error): Rows.BadRow => ({
            reason: error instanceof Json.RepeatedKey ? "repeated-key" : "not-json",
            detail: `${name}: ${Json.why(error)}`
          })
        })
        const { shapes, text } = yield* decodeEntry(json)
        const token = [text].flat().map(ControlTokens.first).find((found) => found !== undefined)
        if (token !== undefined) {
          const detail = `${name}: a question holds ${quoted(token)}, which a model takes for a control token`
          return yield* Effect.fail<Rows.BadRow>({ reason: "control-token", detail })
        }
        if (shapes.length > mostShapes) {
          const detail = `${name} has ${shapes.length} shapes, at most ${mostShapes} are read`
          return yield* Effect.fail<Rows.BadRow>({ reason: "too-many-shapes", detail })
        }
        const stem = name.slice(0, -".json".length)
        const file = extensions.map((extension) => stem + extension).find((candidate) => present.has(candidate))
        if (file === undefined) {
          return yield* Effect.fail<Rows.BadRow>({ reason: "missing-file", detail: `no picture beside ${name}` })
        }
        const picture = yield* folder.picture(file)
        const targets = yield* Effect.forEach(shapes.filter(isTarget), boxOf)
        if (targets.length === 0) {
          const detail =
            `${name} has no target: none of its ${shapes.length} shapes is more than a flag or to be ignored`
          return yield* Effect.fail<Rows.BadRow>({ reason: "no-target", detail })
        }
        const merged = options.targets === "each" ? apart(targets) : [targets.reduce(join)]
        const boxes = yield* Effect.forEach(merged, (box) => inside(box, picture))
        left.add(name, shapes)
        return (typeof text === "string" ? [text] : text).flatMap((question, q) =>
          boxes.map((box, b) => ({
            image: { ...picture.image, id: `${file}#${q}${boxes.length > 1 ? `.${b}` : ""}` },
            question: question.trim(),
            truth: { width: picture.width, height: picture.height, instances: [{ box }] }
          }))
        )
      })

    return Stream.fromIterable(names.filter((name) => name.endsWith(".json")).sort()).pipe(
      Stream.zipWithIndex,
      Stream.map(([name, i]) => ({ row: i + 1, read: Effect.mapError(questions(name), named(name)) })),
      Rows.samples<Asked>(directory, `no JSON files in it, expected ${expected}`, { unit: "picture" }),
      Stream.concat(Stream.drain(Stream.fromEffect(left.tell)))
    )
  }))
}
