/**
 * What a command trains or measures on: the embedded scenes, Emotion6's manifests, or a user's own pictures.
 */
import { Console, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import * as Sources from "../sources/index.ts"
import { Emotion6 } from "../tasks/classification/index.ts"
import { ofFewWords } from "./embedded.ts"
import { localOf } from "./engine/flags.ts"
import * as Flags from "./flags.ts"
import * as Futile from "./futile.ts"
import { check } from "./policy.ts"
import { taskNameIn } from "./resumed.ts"
import * as Saved from "./saved.ts"
import type { Told } from "./told.ts"
import { labels, labelsIn, text } from "./values.ts"

/** Flags that go before what is found in the data. */
export const flags = {
  data: Flags.data.pipe(
    Flag.withDescription(
      "Pictures of your own: class folders, a table or another layout of docs/data.md, or the file that describes " +
        "them; default: the embedded scenes (synthetic)"
    )
  ),
  difficulty: Flags.difficulty,
  labels: labels("labels").pipe(
    Flag.withDescription("Labels of one's own, separated by commas; default: those that are found in --data"),
    Flag.optional
  ),
  subject: text("subject", "TEXT", "what the labels name or rate").pipe(
    Flag.withDescription(
      "What the labels name or rate: completes \"name the … of this picture\"; default: main object, or content"
    ),
    Flag.optional
  ),
  task: Flag.Literals("task", ["classification", "detection"]).pipe(
    Flag.withDescription("What is made of --data; default: detection where boxes are found, else classification"),
    Flag.optional
  )
}

/** The same for commands that measure a model. */
export const asked = {
  ...flags,
  labels: flags.labels.pipe(
    Flag.withDescription(
      "Labels of one's own, separated by commas; default: those that the model was trained for, else found in --data"
    )
  )
}

type Asked =
  & Pick<Flags.Study, "data" | "difficulty" | "model" | "seed" | "shots">
  & Partial<Pick<Flags.Study, "out" | "resume">>
  & Partial<Flags.Remote>
  & Parameters<typeof check>[0]
  & {
    readonly labels: Option.Option<string>
    readonly subject: Option.Option<string>
    readonly task: Option.Option<"classification" | "detection">
    readonly told?: Option.Option<Told>
  }

const saidBy = ({ labels, subject, task }: Asked): Saved.Said => ({
  "--labels": labels,
  "--subject": subject,
  "--task": task
})

/** The embedded scenes, which are rated on the labels of Emotion6. */
const scenes = Effect.fnUntraced(function*(flags: Asked, saved: Option.Option<Sources.SavedTask>) {
  const [flag] = Futile.given(saidBy(flags))
  if (flag === "--labels") {
    const reason = "--labels needs --data: the embedded scenes are rated on the labels of Emotion6"
    return yield* new Futile.FlagError({ reason })
  }
  if (flag !== undefined) {
    return yield* new Futile.FlagError({ reason: `${flag} is for pictures of one's own: name them, --data` })
  }
  if (Option.isNone(saved)) {
    yield* Saved.tellTaken(flags, "asked for the emotions of the embedded scenes")
    return yield* manifests(flags, Emotion6.task)
  }
  yield* Saved.tell(flags, saved.value)
  if (saved.value.kind === "classification" && Saved.isOf(saved.value, Emotion6.labels)) {
    return yield* manifests(flags, saved.value.task)
  }
  return yield* new Futile.FlagError({
    reason:
      `${Saved.modelOf(flags)} was trained for ${Saved.named(saved.value)}, and the embedded scenes are rated on the ` +
      "labels of Emotion6: name pictures of its own task, --data"
  })
})

/** Soft labels in `train.csv` and its kin, or the embedded scenes. */
const manifests = Effect.fnUntraced(function*(flags: Asked, task: typeof Emotion6.task) {
  const source = yield* Sources.softLabels({ ...flags, task })
  return { kind: "classes", task, mean: Sources.meanDistribution, ...source } as const
})

/** What is to be known of how data are used. */
interface Use {
  /** The task of the model that is asked. */
  readonly saved?: Option.Option<Sources.SavedTask>
  /** Whether a share is held out where there is no test half. Default true. */
  readonly hold?: boolean
  /** What to do instead of naming other labels than the model's. Default: what tells how good it is at its own. */
  readonly instead?: string
  /** What is said of rows that are set aside, where nothing runs that tells of them. */
  readonly aside?: Sources.AsideOptions
}

const measuring = "leave --labels out to measure it on the labels that it was trained on"

/** The task and its halves, and what was understood of a user's own pictures, in lines. */
export const look = Effect.fnUntraced(
  function*(flags: Asked, { aside = {}, hold = true, instead = measuring, saved = Option.none() }: Use = {}) {
    const { data, labels, seed, shots, subject, task } = flags
    // Before anything is said of the model, and before every picture is decoded.
    yield* check(flags)
    if (Option.isNone(data)) return { source: yield* scenes(flags, saved), lines: [] }
    yield* Futile.ofScenes(flags)
    const given = Option.map(labels, labelsIn)
    const agrees = (saved: Sources.SavedTask) =>
      Option.isNone(subject) && Option.getOrElse(task, () => saved.kind) === saved.kind &&
      Option.match(given, { onNone: () => true, onSome: (labels) => Saved.isOf(saved, labels) })
    const as = Option.filter(saved, agrees)
    if (Option.isSome(saved)) yield* Saved.tell(flags, saved.value, Option.isSome(as) ? {} : saidBy(flags))
    yield* Effect.transposeOption(Option.zipWith(saved, given, (saved, labels) =>
      // What is not among the labels of the data is told with these.
      Saved.checkLabels(flags, saved, labels, { instead, refuse: false })))
    const emotions = Option.isNone(saved)
      ? Option.some(Emotion6.task)
      : Option.flatMap(
        as,
        (saved) =>
          saved.kind === "classification" && Saved.isOf(saved, Emotion6.labels)
            ? Option.some(saved.task)
            : Option.none()
      )
    const says = Object.values(saidBy(flags)).some(Option.isSome)
    if (!says && Option.isSome(emotions) && (yield* Sources.hasManifests(data.value, emotions.value))) {
      return { source: yield* manifests(flags, emotions.value), lines: [] }
    }
    // The folder may have another name by now: the task of a run keeps its own.
    const begun = flags.resume === true ? yield* taskNameIn(flags.out ?? Option.none()) : Option.none()
    const source = yield* Sources.pictures({
      ...Option.match(begun, { onNone: () => ({}), onSome: (name) => ({ name }) }),
      data: data.value,
      embedded: yield* ofFewWords(localOf(flags)),
      hold,
      seed,
      shots,
      subject,
      task: Option.orElse(task, () => Option.map(saved, ({ kind }) => kind)),
      labels: Option.orElse(
        given,
        () => Option.filter(Option.map(saved, Saved.labelsOf), (labels) => labels.length > 0)
      ),
      ...Option.match(as, { onNone: () => ({}), onSome: (as) => ({ as }) })
    })
    return { source, lines: yield* Sources.understood(source, aside) }
  }
)

/** The task and its halves; of a user's own pictures it is said first what was understood. */
export const open = Effect.fnUntraced(function*(flags: Asked, use: Use = {}) {
  const { lines, source } = yield* look(flags, use)
  for (const line of lines) yield* Console.error(line)
  return source
})

/** As `open`, with the task that the model was trained for unless flags say another. */
export const openAs = (flags: Asked, use: Pick<Use, "hold" | "instead"> = {}) =>
  Effect.flatMap(Saved.find(flags, saidBy(flags)), (saved) => open(flags, { ...use, saved }))
