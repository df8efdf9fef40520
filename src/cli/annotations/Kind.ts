/**
 * What `rise annotate` asks for: the task that flags describe, and its annotations in numbers.
 */
import { Effect, FileSystem, Option, Path, Stream } from "effect"
import { Flag } from "effect/cli"
import { Scenes, Subset } from "../../data/index.ts"
import * as Fingerprint from "../../dsl/Fingerprint.ts"
import * as Question from "../../dsl/Question.ts"
import { type Task, TaskError } from "../../dsl/Task.ts"
import type { Image } from "../../kernels/image/Image.ts"
import { annotate, type AnnotateOptions } from "../../pipelines/index.ts"
import { embedded } from "../../policy/Embedded.ts"
import { type Classification, ImagenetSub } from "../../tasks/classification/index.ts"
import { Box, CocoSub, type Detection, Lisa } from "../../tasks/detection/index.ts"
import type { Remote } from "../flags.ts"
import { FlagError } from "../futile.ts"
import * as SoftLabels from "../task.ts"
import { type Boxed, rounded, rowOf, type Shape, type Size, type Value } from "./Row.ts"

export const flags = {
  task: Flag.Literals("task", ["soft-labels", "imagenet-sub", "coco-sub", "lisa"]).pipe(
    Flag.withDescription(
      "What is asked: a distribution over --labels, one of them, boxes with their names, or the one box that answers " +
        "--question"
    ),
    Flag.withDefault("soft-labels" as const)
  ),
  ...SoftLabels.flags,
  question: Flag.String("question").pipe(
    Flag.withDescription("What is asked about every picture, with --task lisa"),
    Flag.withMetavar("TEXT"),
    Flag.optional
  )
}

export interface KindFlags extends SoftLabels.TaskFlags {
  readonly task: "coco-sub" | "imagenet-sub" | "lisa" | "soft-labels"
  readonly question: Option.Option<string>
  readonly model: string
  readonly remote: Remote["remote"]
}

const kindOf = <A>(task: Task<A>, shape: Shape, value: (annotation: A, size: Size) => Value) => ({
  shape,
  /** What makes its answers what they are. */
  identity: Effect.map(
    Fingerprint.prompts(task),
    (prompts) => ({ task: task.name, labels: shape.labels, prompts })
  ),
  asks: Question.asks(task),
  rows: (options: AnnotateOptions) => <E, R>(images: Stream.Stream<Image, E, R>) =>
    images.pipe(annotate(task, options), Stream.map(rowOf(task, value)))
})

/** A task with its annotations as rows. */
export type Kind = ReturnType<typeof kindOf>

const shares = (task: Classification.Classification): Kind =>
  kindOf(
    task,
    { kind: "shares", labels: task.labels },
    (distribution) => Object.fromEntries(task.labels.map((label, i) => [label, distribution[i] ?? 0]))
  )

const hundredth = (pixels: number) => Math.round(pixels * 100) / 100

const boxes = (task: Detection.Detection<"thousandths">, labels: ReadonlyArray<string>): Kind =>
  kindOf(task, { kind: "boxes", labels }, (annotation, size) =>
    annotation.map(({ box, label, score }): Boxed => {
      const [x, y, width, height] = Box.convert(box, Box.thousandths, Box.pixels(size))
      return {
        ...(label === undefined ? {} : { label }),
        box: [hundredth(x), hundredth(y), hundredth(width), hundredth(height)],
        ...(score === undefined ? {} : { score: rounded(score) })
      }
    }))

/**
 * Whether a model has the words of the embedded checkpoint and no others: whether it is that one, or was trained from
 * it. Such a model knows no other prompts.
 */
const ofFewWords = Effect.fnUntraced(function*({ model, remote }: Pick<KindFlags, "model" | "remote">) {
  if (Option.isSome(remote)) return false
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const tokenizer = (folder: string) =>
    Effect.orElseSucceed(fs.readFileString(join(folder, "tokenizer.json")), () => "")
  const own = yield* tokenizer(model)
  return own !== "" && own === (yield* tokenizer(embedded))
})

/** The task that flags describe. */
export const kind = Effect.fnUntraced(function*(given: KindFlags) {
  const { labels, question, task } = given
  if (task === "soft-labels") return shares(yield* SoftLabels.task({ labels, subject: given.subject }))
  if (Option.isNone(question) === (task === "lisa")) {
    const reason = task === "lisa"
      ? "--task lisa asks a question about every picture: give it as --question TEXT"
      : `--question is for --task lisa: --task ${task} asks every picture the same`
    return yield* new FlagError({ reason })
  }
  const few = yield* ofFewWords(given)
  const named = (others: ReadonlyArray<string>) =>
    Option.match(labels, { onNone: () => others, onSome: (text) => text.split(",").map((label) => label.trim()) })
  return yield* Effect.try({
    try: (): Kind => {
      switch (task) {
        case "lisa":
          return boxes(few ? Lisa.embedded : Lisa.task, ["answer"])
        case "imagenet-sub":
          return shares(
            few ? ImagenetSub.forEmbedded(named(Scenes.Objects.labels)) : ImagenetSub.make(named(Subset.imagenetLabels))
          )
        case "coco-sub": {
          const names = named(few ? Scenes.Things.labels : CocoSub.labels)
          return boxes(few ? CocoSub.forEmbedded(names) : CocoSub.forLabels(names), names)
        }
      }
    },
    catch: (cause) => cause instanceof TaskError ? cause : new TaskError({ task, reason: String(cause) })
  })
})
