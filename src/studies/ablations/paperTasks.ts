/**
 * The tasks that the grid is run on. Another task is another `Subject.make` in this list.
 */
import { Effect, type FileSystem, Option, type Path, type Stream } from "effect"
import { Scenes } from "../../data/index.ts"
import { forTask, type TaskName } from "../../pipelines/taskPresets.ts"
import * as Sources from "../../sources/index.ts"
import { Emotion6 } from "../../tasks/classification/index.ts"
import * as Subject from "./Subject.ts"

/** Options of `subjects`. */
export interface SubjectOptions {
  /** A folder with manifests in place of the embedded scenes. */
  readonly data: Option.Option<string>
  /** How hard the embedded scenes are to read, in [0, 1]; above 0 emotion6 is the only task. Default 0. */
  readonly difficulty?: number
  /** Whether the embedded checkpoint is asked, in its own few words. Default true. */
  readonly embedded?: boolean
}

const emotion6 = ({ data, difficulty = 0 }: SubjectOptions) =>
  Subject.make({
    name: "emotion6",
    source: Option.getOrElse(data, () => Scenes.titleAt(difficulty)),
    measures: [{ name: "JSD", direction: "lower" }],
    ...(Option.isNone(data) ? { sizes: { ...Scenes.sizes, perShot: Emotion6.labels.length } } : {}),
    open: ({ seed, shots }) =>
      Effect.map(
        Sources.softLabels({
          task: Emotion6.task,
          data,
          difficulty,
          seed,
          shots: shots === "full" ? Option.none() : Option.some(shots)
        }),
        ({ cuesNamed, test, train }) => ({
          task: Emotion6.task,
          train,
          test,
          ...(cuesNamed === undefined ? {} : { cuesNamed })
        })
      ),
    prior: Sources.meanDistribution
  })

/** A task of boxes or classes on the embedded scenes, with its own settings. */
const embeddedTask = <A>(options: {
  readonly name: TaskName
  readonly measure: string
  readonly sizes: Subject.Sizes
  readonly denominators?: ReadonlyArray<"truth" | "max">
  readonly open: (
    options: Sources.Options
  ) => Effect.Effect<Sources.TaskSource<A>, Sources.Fault, FileSystem.FileSystem | Path.Path>
  readonly prior?: <E, R>(truths: Stream.Stream<A, E, R>) => Effect.Effect<A, E, R>
}, embedded: boolean) =>
  Subject.make({
    name: options.name,
    source: Scenes.World.title,
    // Of single answers, for win rates: mAP is a figure of the whole.
    measures: [{ name: options.measure, direction: "higher" }],
    sizes: options.sizes,
    ...(options.denominators === undefined ? {} : { denominators: options.denominators }),
    preset: (preset) => forTask(options.name, preset),
    open: ({ denominator, seed, shots }) =>
      Effect.map(
        options.open({
          data: Option.none(),
          seed,
          shots: shots === "full" ? Option.none() : Option.some(shots),
          embedded,
          ...(denominator === undefined ? {} : { denominator })
        }),
        ({ cuesNamed, task, test, train }) => ({ task, train, test, ...(cuesNamed === undefined ? {} : { cuesNamed }) })
      ),
    ...(options.prior === undefined ? {} : { prior: options.prior })
  })

/** All tasks of the paper that can be run here: a folder holds one of them, soft labels, and so do harder scenes. */
export const subjects = (options: SubjectOptions) => {
  const { difficulty = 0, embedded = true } = options
  const others = [
    embeddedTask({
      name: "lisa",
      measure: "IoU",
      sizes: { ...Scenes.Reasoning.sizes, perShot: 1 },
      open: Sources.lisa,
      prior: Sources.meanBox
    }, embedded),
    embeddedTask({
      name: "imagenet-sub",
      measure: "accuracy",
      sizes: { train: 500, test: 200, perShot: 20 },
      open: Sources.imagenetSub,
      prior: Sources.meanDistribution
    }, embedded),
    embeddedTask({
      name: "coco-sub",
      measure: "IoU",
      sizes: { ...Scenes.Things.sizes, perShot: Scenes.Things.labels.length },
      denominators: ["truth", "max"],
      open: Sources.cocoSub
    }, embedded)
  ]
  return [emotion6(options), ...(Option.isNone(options.data) && difficulty === 0 ? others : [])]
}
