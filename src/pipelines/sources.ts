/**
 * Where the samples of the paper's other three tasks come from: the layouts that LISA, ImageNet and COCO are shipped in, or the
 * embedded scenes; and the task as the model at hand is asked it.
 */
import { Effect, FileSystem, Option, Path, Stream } from "effect"
import { CocoInstances, ImageFolder, ReasonSeg, Scenes, Subset } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import type { Task } from "../dsl/Task.ts"
import { type Classification, type Distribution, ImagenetSub } from "../tasks/classification/index.ts"
import { type Annotation, Box, BoxTruth, CocoSub, type Detection, Lisa } from "../tasks/detection/index.ts"
import { few, meanDistribution, type Source, verified } from "./source.ts"

/** A source that brings its task, and its prior. */
export interface TaskSource<A, T extends Task<A> = Task<A>> extends Source<A> {
  readonly task: T
  /** What knows the data set and no picture. */
  readonly mean?: <E, R>(truths: Stream.Stream<A, E, R>) => Effect.Effect<A, E, R>
}

export interface Options {
  /** A folder in the task's layout; the embedded scenes where there is none. */
  readonly data: Option.Option<string>
  /** Training samples per class, or in all for LISA; all of them where it is left out. */
  readonly shots: Option.Option<number>
  readonly seed: number
  /** Whether the embedded checkpoint is asked: in its own few words. */
  readonly embedded: boolean
  /** What eq. 6 divides by in `cocoSub`. Default "max". */
  readonly denominator?: "truth" | "max"
}

type Boxes = Annotation<"thousandths">

const cuesNamed = Scenes.Groundedness.cuesNamed

const inThousandths = BoxTruth.inFrame(() => Box.thousandths)

/** The first of these that is in a folder. */
const present = Effect.fnUntraced(function*(directory: string, names: ReadonlyArray<string>, expected: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (const name of names) {
    if (yield* Effect.orElseSucceed(fs.exists(path.join(directory, name)), () => false)) return path.join(directory, name)
  }
  return yield* new Dataset.DataError({ source: directory, reason: `none of ${names.join(", ")} in it, expected ${expected}` })
})

interface Sum {
  readonly n: number
  readonly sum: readonly [number, number, number, number]
}

/** The mean box: where answers stand, whatever is asked. */
export const meanBox = <E, R>(truths: Stream.Stream<Boxes, E, R>): Effect.Effect<Boxes, E, R> =>
  Effect.map(
    Stream.runFold(Stream.flattenIterable(truths), (): Sum => ({ n: 0, sum: [0, 0, 0, 0] }), ({ n, sum: [x, y, w, h] }, { box }): Sum =>
      ({ n: n + 1, sum: [x + box[0], y + box[1], w + box[2], h + box[3]] })),
    ({ n, sum: [x, y, w, h] }) => n === 0 ? [] : [{ box: Box.make("thousandths", [x / n, y / n, w / n, h / n]) }]
  )

/**
 * Questions with one box each. A folder holds ReasonSeg's `train/` and `val/` (the paper's 239 and 196 are drawn from these; `test/`
 * where there is no `val/`).
 */
export const lisa = Effect.fnUntraced(function*({ data, embedded, seed, shots }: Options) {
  const halves = Option.isNone(data)
    ? {
      name: Scenes.World.title,
      train: Scenes.Reasoning.dataset({ split: "train" }).pipe(inThousandths),
      test: Scenes.Reasoning.dataset({ split: "test" }).pipe(inThousandths),
      cuesNamed
    }
    : yield* Effect.gen(function*() {
      const half = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
        const folder = yield* present(data.value, names, "ReasonSeg's train/ and val/")
        return yield* verified(folder, ReasonSeg.read(folder).pipe(inThousandths))
      })
      return { name: data.value, train: yield* half(["train"]), test: yield* half(["val", "test"]) }
    })
  const source: TaskSource<Boxes, Detection.Detection<"thousandths">> = {
    ...halves,
    ...few<Boxes>(halves.train, shots, (count) => Dataset.shots(count, { classOf: () => "", seed })),
    task: embedded ? Lisa.embedded : Lisa.task,
    mean: meanBox
  }
  return source
})

/**
 * 20 classes, 25 pictures of each to train on and 10 to test on. A folder holds `train/` and `val/` (or `test/`), each with a folder per
 * class, by name or by WordNet id; one without halves is drawn from for both.
 */
export const imagenetSub = Effect.fnUntraced(function*({ data, embedded, seed, shots }: Options) {
  const halves = Option.isNone(data)
    ? {
      name: Scenes.World.title,
      train: Scenes.Objects.dataset({ split: "train" }),
      test: Scenes.Objects.dataset({ split: "test" }),
      labels: Scenes.Objects.labels,
      cuesNamed
    }
    : yield* Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const exists = (folder: string) => Effect.orElseSucceed(fs.exists(folder), () => false)
      const labels = Subset.imagenetLabels
      const read = Effect.fnUntraced(function*(folder: string) {
        const byId = yield* exists(path.join(folder, Subset.imagenetFolders[labels[0] ?? ""] ?? ""))
        return yield* verified(folder, ImageFolder.read(folder, { labels }, byId ? { folders: Subset.imagenetFolders } : {}))
      })
      if (!(yield* exists(path.join(data.value, "train")))) {
        return { name: data.value, labels, ...Subset.imagenetSub({ seed, labels })(yield* read(data.value)) }
      }
      const held = yield* present(data.value, ["val", "test"], "ImageNet's train/ and val/")
      const { train } = Subset.imagenetSub({ seed, labels, test: 0 })(yield* read(path.join(data.value, "train")))
      const { test } = Subset.imagenetSub({ seed, labels, train: 0 })(yield* read(held))
      return { name: data.value, labels, train, test }
    })
  const task = Option.isNone(data) || embedded ? ImagenetSub.forEmbedded(halves.labels) : ImagenetSub.make(halves.labels)
  const source: TaskSource<Distribution, Classification.Classification> = {
    ...halves,
    ...few<Distribution>(halves.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed })),
    task,
    mean: meanDistribution
  }
  return source
})

/** A share of pictures like the paper's, for files too small to draw its subset from. */
const testShare = Subset.sizes.test / (Subset.sizes.train + Subset.sizes.test)

/**
 * Pictures with everything boxed and named. A folder holds COCO's `train2017/`, `val2017/` and `annotations/instances_*.json`, or one
 * `instances.json` whose pictures lie beside it. Of COCO the paper's subset is drawn, 25 and 10 pictures of each class; a file with
 * fewer pictures is split by the same shares.
 */
export const cocoSub = Effect.fnUntraced(function*({ data, denominator, embedded, seed, shots }: Options) {
  const halves = Option.isNone(data)
    ? {
      name: Scenes.World.title,
      train: Scenes.Things.dataset({ split: "train" }).pipe(inThousandths),
      test: Scenes.Things.dataset({ split: "test" }).pipe(inThousandths),
      labels: Scenes.Things.labels,
      cuesNamed
    }
    : yield* Effect.gen(function*() {
      const path = yield* Path.Path
      const expected = "instances.json beside its pictures, or COCO's annotations/ and picture folders"
      const year = (half: string) => path.join("annotations", `instances_${half}2017.json`)
      const read = Effect.fnUntraced(function*(file: string, pictures: string) {
        return { labels: yield* CocoInstances.labels(file), all: yield* verified(file, CocoInstances.read(file, { pictures })) }
      })
      const file = yield* present(data.value, ["instances.json", year("train")], expected)
      if (path.basename(file) === "instances.json") {
        const { all, labels } = yield* read(file, data.value)
        const pictures = yield* Quarantine.unheard(Stream.runCount(all))
        if (pictures >= labels.length * (Subset.sizes.train + Subset.sizes.test)) {
          const { test, train } = Subset.cocoSub({ seed, labels })(all)
          return { name: data.value, labels, train: inThousandths(train), test: inThousandths(test) }
        }
        const { train, validation: test } = Dataset.split({ share: testShare, seed })(all)
        return { name: data.value, labels, train: inThousandths(train), test: inThousandths(test) }
      }
      const { all, labels: trained } = yield* read(file, path.join(data.value, "train2017"))
      const val = yield* present(data.value, [year("val")], expected)
      const { all: held, labels: tested } = yield* read(val, path.join(data.value, "val2017"))
      const labels = [...new Set([...trained, ...tested])]
      const { train } = Subset.cocoSub({ seed, labels, test: 0 })(all)
      const { test } = Subset.cocoSub({ seed, labels, train: 0 })(held)
      return { name: data.value, labels, train: inThousandths(train), test: inThousandths(test) }
    })
  const { labels } = halves
  const task = yield* Effect.try({
    try: () => embedded ? CocoSub.forEmbedded(labels, denominator) : CocoSub.forLabels(labels, denominator),
    // The names come from the user's file.
    catch: (cause) => {
      const reason = `categories: ${cause instanceof Error ? cause.message : String(cause)}`
      return new Dataset.DataError({ source: halves.name, reason })
    }
  })
  const classesOf = (truth: Boxes) => truth.flatMap(({ crowd, label }) => crowd === true || label === undefined ? [] : [label])
  const source: TaskSource<Boxes, Detection.Detection<"thousandths">> = {
    ...halves,
    // A picture has many classes and is drawn for one of them.
    ...few<Boxes>(halves.train, shots, (count) => (samples) => Subset.draw<Boxes>({ labels, classesOf, seed, train: count, test: 0 })(samples).train),
    task
  }
  return source
})
