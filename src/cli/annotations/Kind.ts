/**
 * What `rise annotate` asks for: the task that flags describe, and its annotations in numbers.
 */
import { Effect, Option, Stream } from "effect"
import { Flag } from "effect/cli"
import { Scenes, Subset } from "../../data/index.ts"
import * as Fingerprint from "../../dsl/Fingerprint.ts"
import * as PolicyGrammar from "../../dsl/grammar/PolicyGrammar.ts"
import * as Question from "../../dsl/Question.ts"
import type { Form, Task } from "../../dsl/Task.ts"
import type { Image } from "../../kernels/image/Image.ts"
import { annotate, type AnnotateOptions, annotator } from "../../pipelines/index.ts"
import type { SavedClassification, SavedTask } from "../../sources/index.ts"
import { Classification, Emotion6, ImagenetSub } from "../../tasks/classification/index.ts"
import { Box, CocoSub, type Detection, Lisa } from "../../tasks/detection/index.ts"
import { ofFewWords } from "../embedded.ts"
import { type Engine, localOf } from "../engine/flags.ts"
import type { Remote } from "../flags.ts"
import { FlagError } from "../futile.ts"
import * as Saved from "../saved.ts"
import * as SoftLabels from "../task.ts"
import type { Told } from "../told.ts"
import { rowOf, type Shape, type Size, type Value } from "./Row.ts"
import * as Values from "./Values.ts"
import { inThousandths, unnamed } from "./Values.ts"

export const flags = {
  task: Flag.Literals("task", ["soft-labels", "imagenet-sub", "coco-sub", "lisa"]).pipe(
    Flag.withDescription(
      "What is asked: a distribution over --labels, one of them, boxes with their names, or the one box that answers " +
        "--question; default: what the model was trained for, else soft-labels (--task of train, evaluate and audit " +
        "is another: what --data are read as)"
    ),
    Flag.optional
  ),
  ...SoftLabels.flags,
  question: Flag.String("question").pipe(
    Flag.withDescription("What is asked about every picture, with --task lisa; default: none"),
    Flag.withMetavar("TEXT"),
    Flag.optional
  )
}

export interface KindFlags extends SoftLabels.TaskFlags, Engine {
  readonly task: Option.Option<"coco-sub" | "imagenet-sub" | "lisa" | "soft-labels">
  readonly question: Option.Option<string>
  readonly model: string
  readonly remote: Remote["remote"]
  readonly remoteModel?: Remote["remoteModel"]
  /** What the server says of its model, where one is asked. */
  readonly told?: Option.Option<Told>
}

const kindOf = <A>(task: Task<A>, shape: Shape, value: (annotation: A, size: Size) => Value) => ({
  shape,
  /** The task in the words of `rise-task.json`; undefined where it cannot be written down. */
  described: task.described,
  /** What makes its answers what they are. */
  identity: Effect.map(
    Fingerprint.prompts(task),
    (prompts) => ({ task: task.name, labels: shape.labels, prompts })
  ),
  asks: Question.asks(task),
  /** What a model is asked in each form; `{question}` stands for the picture's own. */
  prompts: { think: task.prompts.annotate, answer: task.prompts.answerOnly },
  /** The grammar of its answers, in the tokens of the policy at hand. */
  grammar: (form: Form) => PolicyGrammar.ofAnswer(task, form),
  rows: (options: AnnotateOptions) => <E, R>(images: Stream.Stream<Image, E, R>) =>
    images.pipe(annotate(task, options), Stream.map(rowOf(task, value))),
  /** One picture at a time, in a session that stays open. */
  annotator: (options: Pick<AnnotateOptions, "form" | "grammar" | "maxTokens">) =>
    Effect.map(
      annotator(task, options),
      (one) => (image: Image, question?: string) => Effect.map(one(image, question), rowOf(task, value))
    )
})

/** A task with its annotations as rows. */
export type Kind = ReturnType<typeof kindOf>

const shares = (task: Classification.Classification): Kind =>
  kindOf(task, { kind: "shares", labels: task.labels }, Values.shares(task))

const boxes = <S extends Box.Space>(
  task: Detection.Detection<S>,
  labels: ReadonlyArray<string>,
  frameOf: (picture: Size) => Box.Frame<S>
): Kind => kindOf(task, { kind: "boxes", labels }, Values.boxes(frameOf))

/** What is asked where flags describe it. */
const described = Effect.fnUntraced(
  function*(given: Omit<KindFlags, "question">, task: "coco-sub" | "imagenet-sub" | "lisa" | "soft-labels") {
    const { labels } = given
    if (task === "soft-labels") return shares(yield* SoftLabels.task(given))
    const few = yield* ofFewWords(localOf(given))
    const named = (others: ReadonlyArray<string>) =>
      Option.match(labels, { onNone: () => others, onSome: SoftLabels.labelsIn })
    return yield* SoftLabels.making(task, (): Kind => {
      switch (task) {
        case "lisa":
          return boxes(few ? Lisa.embedded : Lisa.task, unnamed, inThousandths)
        case "imagenet-sub":
          return shares(
            few ? ImagenetSub.forEmbedded(named(Scenes.Objects.labels)) : ImagenetSub.make(named(Subset.imagenetLabels))
          )
        case "coco-sub": {
          const names = named(few ? Scenes.Things.labels : CocoSub.labels)
          return boxes(few ? CocoSub.forEmbedded(names) : CocoSub.forLabels(names), names, inThousandths)
        }
      }
    })
  }
)

/** What the model was trained for. */
const trained = (saved: SavedTask): Effect.Effect<Kind, FlagError> => {
  if (saved.kind === "classification") return Effect.succeed(shares(saved.task))
  const labels = saved.task.codec.labels ?? unnamed
  switch (saved.space) {
    case "thousandths":
      return Effect.succeed(boxes(saved.task, labels, inThousandths))
    case "unit":
      return Effect.succeed(boxes(saved.task, labels, () => Box.unit))
    case "absolute":
      return Effect.succeed(boxes(saved.task, labels, Box.pixels))
    case "resized": {
      const reason =
        `"${saved.task.name}", which the model was trained for, writes boxes in pixels of a picture that ` +
        "was resized: annotate in a script, which knows to what size"
      return Effect.fail(new FlagError({ reason }))
    }
  }
}

/** The labels that a model was trained for, under another subject. */
const renamed = Effect.fnUntraced(
  function*({ answer, task }: SavedClassification, subject: string, given: Omit<KindFlags, "question">) {
    const definition = { name: task.name, labels: task.labels, answer, subject }
    const few = yield* ofFewWords(localOf(given))
    return shares(
      yield* SoftLabels.making(
        task.name,
        () => few ? Classification.forEmbedded(definition) : Classification.make(definition)
      )
    )
  }
)

/** The task that the model was trained for, or the one that flags describe. */
export const chosen = Effect.fnUntraced(function*(given: Omit<KindFlags, "question">) {
  const { labels, subject, task } = given
  const said = { "--task": task, "--labels": labels, "--subject": subject }
  const saved = yield* Saved.find(given, said)
  const labelled = (refuse: boolean) =>
    Effect.asVoid(
      Effect.transposeOption(Option.zipWith(saved, labels, (saved, labels) =>
        Saved.checkLabels(given, saved, SoftLabels.labelsIn(labels), {
          instead: "leave --labels out, and take of the rows what you need",
          refuse
        })))
    )
  const asked = described(given, Option.getOrElse(task, () => "soft-labels" as const))
  const other = Option.isSome(subject) && Option.exists(task, (task) => task !== "soft-labels")
  if (other) return yield* new FlagError({ reason: "--subject is for --task soft-labels: leave one of them out" })
  const alone = Option.isSome(subject) && Option.isNone(labels)
  if (Option.isNone(saved) || Option.isSome(task)) {
    if (Option.isSome(saved)) yield* Saved.tell(given, saved.value, said)
    yield* labelled(false)
    if (alone) return yield* new FlagError({ reason: "--subject says what --labels rate: give these, too" })
    if (Option.isNone(task) && Option.isNone(labels) && Option.isNone(saved)) {
      yield* Saved.tellTaken(given, `asked for a distribution over ${Emotion6.labels.join(", ")}`)
    }
    return yield* asked
  }
  const is = saved.value
  const own = Option.match(labels, { onNone: () => true, onSome: (text) => Saved.isOf(is, SoftLabels.labelsIn(text)) })
  yield* Saved.tell(given, is, own && Option.isNone(subject) ? {} : said)
  yield* labelled(true)
  if (!own) return yield* asked
  if (Option.isNone(subject)) return yield* trained(is)
  return is.kind === "classification"
    ? yield* renamed(is, subject.value, given)
    : yield* new FlagError({ reason: `--subject is for labels, and ${Saved.named(is)} asks for boxes: leave it out` })
})

/** What is asked about every picture. */
export const kind = Effect.fnUntraced(function*(given: KindFlags) {
  const found = yield* chosen(given)
  if (found.asks === Option.isSome(given.question)) return found
  return yield* new FlagError({
    reason: found.asks
      ? "a question is asked about every picture: give it as --question TEXT"
      : "--question is for --task lisa, or a model trained for such a task: every picture is asked the same here"
  })
})
