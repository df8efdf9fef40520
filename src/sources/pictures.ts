/**
 * A user's own pictures, whichever way they are laid out: labels and halves are found, and the task is made of them.
 */
import { Effect, type FileSystem, Option, Path } from "effect"
import { Layouts } from "../data/index.ts"
import * as Reader from "../data/Options.ts"
import * as Dataset from "../dsl/Dataset.ts"
import * as Question from "../dsl/Question.ts"
import { TaskError } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { Classification, type Distribution } from "../tasks/classification/index.ts"
import { type Annotation, Box, BoxCodec, BoxTruth, Detection } from "../tasks/detection/index.ts"
import { halvesOf } from "./halves.ts"
import { labelsOfBoxes } from "./labelsOfBoxes.ts"
import { meanBoxes, meanDistribution } from "./means.ts"
import { type Fault, few, type TaskSource } from "./Source.ts"
import type { SavedTask } from "./taskOf.ts"
import { unlessTooMany } from "./tooMany.ts"

type Boxes = Annotation<"thousandths">

/** Options of `pictures`. What is given goes before what is found. */
export interface PicturesOptions {
  /** A folder in any layout of `Layouts.layouts`, or the file that describes its pictures. */
  readonly data: string
  /** The labels, in this order; rows of others are set aside. */
  readonly labels: Option.Option<ReadonlyArray<string>>
  /** Completes "name the … of this picture"; default: "main object" of single labels, "content" of shares. */
  readonly subject: Option.Option<string>
  /** Boxes can be read as labels of their pictures, not labels as boxes. */
  readonly task: Option.Option<"classification" | "detection">
  /** Training pictures per class; all of them where it is left out. */
  readonly shots: Option.Option<number>
  /** Keys the draw of shots and of the part held out. */
  readonly seed: number
  /** Whether the embedded checkpoint is asked: in its own few words. */
  readonly embedded: boolean
  /** The task of a model (`taskOf`) that is asked about the pictures, in place of one that is made of them. */
  readonly as?: SavedTask
  /** Whether a share of each label is held out where there is no test half; else that half is empty. Default true. */
  readonly hold?: boolean
  /** What the task that is made of them is called. Default: the name of the folder, or of the file. */
  readonly name?: string
}

/** What the options may be. */
const rules: Rules.Table = {
  data: Rules.required(Reader.path),
  labels: Rules.required(Reader.found),
  subject: Rules.required(Reader.found),
  task: Rules.required(Reader.found),
  shots: Rules.required(Reader.found),
  seed: Rules.required(Rules.whole()),
  embedded: Rules.required(Rules.yesOrNo),
  as: Rules.record("the task of a model, as taskOf reads it"),
  hold: Rules.yesOrNo,
  name: Rules.text("a name")
}

/** What a source of pictures knows of itself. */
interface Known {
  /** How the pictures are laid out, as in "class folders". */
  readonly layout: string
  /** In the task's order. */
  readonly labels: ReadonlyArray<string>
  /** One line each on what was understood. */
  readonly notes: ReadonlyArray<string>
  /** What there is to say of pictures that are too small to show anything, of those that have been decoded. */
  readonly tiny: () => ReadonlyArray<string>
  /** Whether the test half is a share that was held out by a draw: another seed holds out others. */
  readonly drawn: boolean
}

/** Pictures with labels. */
export interface LabelledPictures extends TaskSource<Distribution, Classification.Classification>, Known {
  readonly kind: "classes"
  /** Whether every picture has one label. */
  readonly single: boolean
}

/** Pictures with boxes. */
export interface BoxedPictures extends TaskSource<Boxes, Detection.Detection<"thousandths">>, Known {
  readonly kind: "boxes"
}

/** Pictures with the task that is made of them. */
export type Pictures = LabelledPictures | BoxedPictures

/** The labels come from the user's folders and files. */
const making = <A>(source: string, make: () => A): Effect.Effect<A, Dataset.DataError> =>
  Effect.try({
    try: make,
    catch: (cause) => {
      const reason = cause instanceof TaskError ? cause.reason : String(cause)
      return new Dataset.DataError({
        source,
        reason: `labels: ${reason}. Rename it where it is written, or choose others with --labels`
      })
    }
  })

const labelled = Effect.fnUntraced(function*(
  name: string,
  options: PicturesOptions,
  { labels, layout, single, ...found }: Omit<Layouts.Classes, "kind">
) {
  const { as, data, embedded, seed, shots, subject } = options
  const answer = single ? "single" : "distribution"
  const definition = { name, labels, answer } as const
  const task = as?.kind === "classification" ? as.task : yield* making(data, () =>
    embedded
      ? Classification.forEmbedded({ ...definition, ...Option.isSome(subject) ? { subject: subject.value } : {} })
      : Classification.make({
        ...definition,
        subject: Option.getOrElse(subject, () => single ? "main object" : "content")
      }))
  const notes = as?.kind === "classification" && as.answer === "single" && !single
    ? [...found.notes, "the model answers with one label, and is measured by the shares of labels all the same"]
    : found.notes
  const halves = yield* halvesOf<Distribution>(options, { ...found, notes }, task.classOf)
  const source: LabelledPictures = {
    kind: "classes",
    name: data,
    layout,
    labels,
    single,
    ...halves,
    ...few<Distribution>(halves.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed })),
    task,
    mean: meanDistribution
  }
  return source
})

/** Why a model's own task cannot be asked about pictures that are read here. */
const unfit = (saved: SavedTask): string | undefined => {
  const reads = `"${saved.task.name}", which the model was trained for,`
  const script = (samples: string) =>
    `measure it in a script: Rise.evaluate({ task, data }) with the task of Sources.taskOf and samples ${samples}`
  if (Question.asks(saved.task)) {
    return `${reads} asks every picture a question, and these have none; ${script("that have a `question`")}`
  }
  return saved.kind === "detection" && saved.space !== "thousandths"
    ? `${reads} writes boxes in the space "${saved.space}", and these are read in thousandths; ` +
      script(`whose boxes BoxTruth.inFrame has put into that space`)
    : undefined
}

const boxed = Effect.fnUntraced(function*(
  name: string,
  options: PicturesOptions,
  { labels, layout, ...found }: Layouts.Boxes
) {
  const { as, data, embedded, seed, shots, subject } = options
  if (embedded && Option.isSome(subject)) {
    return yield* new Dataset.DataError({
      source: data,
      reason:
        `it has boxes (${layout}), which the embedded checkpoint is asked for in its own few words: none of them ` +
        `takes a subject, "${subject.value}": leave --subject out, name --task classification, or take a real model`
    })
  }
  const task = as?.kind === "detection" && as.space === "thousandths" ?
    as.task :
    yield* making(data, () =>
      embedded ? Detection.forEmbedded({ name, labels }) : Detection.make({
        name,
        subject: Option.getOrElse(subject, () => "every thing with one of these names"),
        codec: BoxCodec.scenes({ labels }),
        denominator: "max"
      }))
  const inThousandths = BoxTruth.inFrame(() => Box.thousandths)
  const converted = {
    notes: found.notes,
    train: unlessTooMany(`${data}#boxes`)(inThousandths(found.train)),
    test: Option.map(found.test, (test) => unlessTooMany(`${data} (test)#boxes`)(inThousandths(test)))
  }
  const halves = yield* halvesOf<Boxes>(options, converted, task.classOf)
  const source: BoxedPictures = {
    kind: "boxes",
    name: data,
    layout,
    labels,
    ...halves,
    ...few<Boxes>(halves.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed })),
    task,
    mean: meanBoxes
  }
  return source
})

/**
 * The pictures at a path, their halves and their task: classification of the labels that are found, by one label or by
 * shares, or detection of what is boxed. Without a test half a fifth of each label is held out. Broken pictures are set
 * aside. Fails where no layout fits, and where labels cannot be written by a model.
 *
 * The first pass over a half serves the later ones: from memory, or, of more than 50,000 files in a scope
 * (`Effect.scoped` around all that uses them), from a temporary file that goes with it.
 *
 * ```ts
 * const none = Option.none()
 * Sources.pictures({ data: "weather", embedded: true, labels: none, seed: 0, shots: none, subject: none, task: none })
 * ```
 */
export const pictures = (
  options: PicturesOptions
): Effect.Effect<Pictures, Fault, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    yield* Reader.check(options.data, rules, options)
    const path = yield* Path.Path
    const { as, data, labels, task } = options
    const { name = path.parse(path.resolve(data)).name || "pictures" } = options
    const misfit = as === undefined ? undefined : unfit(as)
    if (misfit !== undefined) return yield* new Dataset.DataError({ source: data, reason: misfit })
    // What was typed, before anything is read.
    if (Option.isSome(labels)) yield* making(data, () => Classification.check(name, labels.value))
    const found = yield* Layouts.find(data, {
      labels,
      few: as !== undefined,
      ...Option.match(task, {
        onNone: () => ({}),
        onSome: (task) => ({ kind: task === "detection" ? "boxes" as const : "classes" as const })
      })
    })
    if (found.kind === "classes") {
      if (!Option.contains(task, "detection")) return yield* labelled(name, options, found)
      return yield* new Dataset.DataError({
        source: data,
        reason: `it has labels and no boxes (${found.layout}), which ` + (as === undefined
          ? "--task detection needs: leave that out"
          : `"${as.task.name}", the task of the model, needs`)
      })
    }
    if (!Option.contains(task, "classification")) return yield* boxed(name, options, found)
    const counted = labelsOfBoxes(data, found.labels)
    return yield* labelled(name, options, {
      ...found,
      single: false,
      train: counted(found.train),
      test: Option.map(found.test, counted),
      notes: [...found.notes, "boxes are read as shares of labels"]
    })
  })
