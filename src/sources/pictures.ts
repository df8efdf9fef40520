/**
 * A user's own pictures, whichever way they are laid out: labels and halves are found, and the task is made of them.
 */
import { Effect, type FileSystem, Option, Path } from "effect"
import { Layouts } from "../data/index.ts"
import * as Reader from "../data/Options.ts"
import * as Dataset from "../dsl/Dataset.ts"
import { TaskError } from "../dsl/Task.ts"
import * as Rules from "../kernels/math/Rules.ts"
import { Classification, type Distribution } from "../tasks/classification/index.ts"
import { type Annotation, Box, BoxCodec, BoxTruth, Detection } from "../tasks/detection/index.ts"
import { labelsOfBoxes } from "./labelsOfBoxes.ts"
import { meanDistribution } from "./means.ts"
import { mixed } from "./mixed.ts"
import { type Fault, few, type TaskSource, verified } from "./Source.ts"

type Boxes = Annotation<"thousandths">
type Samples<A> = Dataset.Dataset<A, Fault, FileSystem.FileSystem | Path.Path>

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
}

/** What the options may be. */
const rules: Rules.Table = {
  data: Rules.required(Reader.path),
  labels: Rules.required(Reader.found),
  subject: Rules.required(Reader.found),
  task: Rules.required(Reader.found),
  shots: Rules.required(Reader.found),
  seed: Rules.required(Rules.whole()),
  embedded: Rules.required(Rules.yesOrNo)
}

/** What a source of pictures knows of itself. */
interface Known {
  /** How the pictures are laid out, as in "class folders". */
  readonly layout: string
  /** In the task's order. */
  readonly labels: ReadonlyArray<string>
  /** One line each on what was understood. */
  readonly notes: ReadonlyArray<string>
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

/** Both halves in a mixed order, with broken pictures set aside, and a share held out where there is no test half. */
const halvesOf = Effect.fnUntraced(function*<A>(
  { data, seed }: PicturesOptions,
  found: {
    readonly train: Samples<A>
    readonly test: Option.Option<Samples<A>>
    readonly notes: ReadonlyArray<string>
  },
  classOf: (truth: A) => string
) {
  const train = yield* verified(data, found.train)
  if (Option.isSome(found.test)) {
    const test = yield* verified(`${data} (test)`, found.test.value)
    return { train: mixed(train), test: mixed(test), notes: found.notes }
  }
  const held = yield* Layouts.hold({ source: data, classOf, seed })(train)
  const share = `${100 * Layouts.defaultShare}% of each label`
  return {
    train: mixed(held.train),
    test: mixed(held.validation),
    notes: [...found.notes, `no part to test on: ${share} held out, drawn by seed ${seed}`]
  }
})

const labelled = Effect.fnUntraced(function*(
  name: string,
  options: PicturesOptions,
  { labels, layout, single, ...found }: Omit<Layouts.Classes, "kind">
) {
  const { data, embedded, seed, shots, subject } = options
  const answer = single ? "single" : "distribution"
  const definition = { name, labels, answer } as const
  const task = yield* making(data, () =>
    embedded
      ? Classification.forEmbedded({ ...definition, ...Option.isSome(subject) ? { subject: subject.value } : {} })
      : Classification.make({
        ...definition,
        subject: Option.getOrElse(subject, () => single ? "main object" : "content")
      }))
  const halves = yield* halvesOf<Distribution>(options, found, task.classOf)
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

const boxed = Effect.fnUntraced(function*(
  name: string,
  options: PicturesOptions,
  { labels, layout, ...found }: Layouts.Boxes
) {
  const { data, embedded, seed, shots, subject } = options
  const task = yield* making(data, () =>
    embedded ? Detection.forEmbedded({ name, labels }) : Detection.make({
      name,
      subject: Option.getOrElse(subject, () => "every thing with one of these names"),
      codec: BoxCodec.scenes({ labels }),
      denominator: "max"
    }))
  const inThousandths = BoxTruth.inFrame(() => Box.thousandths)
  const converted = {
    notes: found.notes,
    train: inThousandths(found.train),
    test: Option.map(found.test, inThousandths)
  }
  const halves = yield* halvesOf<Boxes>(options, converted, task.classOf)
  const source: BoxedPictures = {
    kind: "boxes",
    name: data,
    layout,
    labels,
    ...halves,
    ...few<Boxes>(halves.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed })),
    task
  }
  return source
})

/**
 * The pictures at a path, their halves and their task: classification of the labels that are found, by one label or by
 * shares, or detection of what is boxed. Without a test half a fifth of each label is held out. Broken pictures are set
 * aside. Fails where no layout fits, and where labels cannot be written by a model.
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
    const { data, labels, task } = options
    const name = path.parse(path.resolve(data)).name || "pictures"
    // What was typed, before anything is read.
    if (Option.isSome(labels)) yield* making(data, () => Classification.check(name, labels.value))
    const found = yield* Layouts.find(data, { labels })
    if (found.kind === "classes") {
      if (!Option.contains(task, "detection")) return yield* labelled(name, options, found)
      return yield* new Dataset.DataError({
        source: data,
        reason: `it has labels and no boxes (${found.layout}), which --task detection needs: leave that out`
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
