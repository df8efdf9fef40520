/**
 * A task that was written down, as it was trained.
 */
import { Result, Schema } from "effect"
import { type Form, TaskError } from "../dsl/Task.ts"
import { oneLine } from "../kernels/text/oneLine.ts"
import { show } from "../kernels/text/show.ts"
import * as Labelled from "./classification/Description.ts"
import { Classification } from "./classification/index.ts"
import * as Boxed from "./detection/Description.ts"
import { type Box, Detection } from "./detection/index.ts"

interface Taught {
  /** What the model was taught to write; "think" where nothing is said of it. */
  readonly form: Form
}

/** A classification task. */
export interface SavedClassification extends Taught {
  readonly kind: "classification"
  readonly task: Classification.Classification
  /** Whether an answer is one label, or labels with percents. */
  readonly answer: "distribution" | "single"
}

/** A detection task, by the space that its boxes are in. */
export type SavedDetection = {
  readonly [S in Box.Space]: Taught & {
    readonly kind: "detection"
    readonly space: S
    readonly task: Detection.Detection<S>
  }
}[Box.Space]

/** A task that was written down. */
export type SavedTask = SavedClassification | SavedDetection

const decode = Schema.decodeUnknownResult(Schema.Union([Labelled.Description, Boxed.Description]))

/** What every version has. */
const Version = Schema.Struct({
  version: Schema.Int,
  kind: Schema.String,
  form: Schema.optionalKey(Schema.Literals(["think", "answer"]))
})
const decodeVersion = Schema.decodeUnknownResult(Version)

const kinds = ["classification", "detection"]

const detection = (described: Boxed.Description, form: Form): SavedDetection => {
  const of = <S extends Box.Space>(space: S) => ({
    kind: "detection" as const,
    form,
    space,
    task: Detection.make(Boxed.definition(space, described))
  })
  switch (described.codec.space) {
    case "absolute":
      return of("absolute")
    case "resized":
      return of("resized")
    case "thousandths":
      return of("thousandths")
    case "unit":
      return of("unit")
  }
}

const make = (described: Labelled.Description | Boxed.Description, form: Form): SavedTask =>
  described.kind === "detection"
    ? detection(described, form)
    : {
      kind: described.kind,
      form,
      task: Classification.make(Labelled.definition(described)),
      answer: described.answer
    }

/** The task that a description is of; fails with what is wrong with it. */
export const read = (json: unknown): Result.Result<SavedTask, string> =>
  Result.gen(function*() {
    const { form = "think", kind, version } = yield* Result.mapError(
      decodeVersion(json),
      () => "no description of a task: it has no version and no kind, or a form that is neither think nor answer"
    )
    if (version !== 1) {
      return yield* Result.fail(`it is of version ${version}, this release reads 1: install a later one`)
    }
    if (!kinds.includes(kind)) {
      return yield* Result.fail(`its kind is ${show(kind, 80)}, expected one of ${kinds.join(", ")}`)
    }
    const described = yield* Result.mapError(decode(json), ({ message }) => oneLine(message))
    return yield* Result.try({
      try: () => make(described, form),
      catch: (cause) => cause instanceof TaskError ? cause.reason : String(cause)
    })
  })
