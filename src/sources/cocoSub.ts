/**
 * COCO's subset: pictures with everything boxed and named.
 */
import { Effect, Option, Path, Stream } from "effect"
import { CocoInstances, Scenes, Subset } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import * as Quarantine from "../dsl/Quarantine.ts"
import { type Annotation, Box, BoxTruth, CocoSub, type Detection } from "../tasks/detection/index.ts"
import { few, type Options, present, type TaskSource, verified } from "./Source.ts"

type Boxes = Annotation<"thousandths">

const inThousandths = BoxTruth.inFrame(() => Box.thousandths)

/** A share of pictures like the paper's, for files too small to draw its subset from. */
const testShare = Subset.sizes.test / (Subset.sizes.train + Subset.sizes.test)

/**
 * Pictures with everything boxed and named. A folder holds COCO's `train2017/`, `val2017/` and
 * `annotations/instances_*.json`, or one `instances.json` whose pictures lie beside it. Of COCO the paper's subset is
 * drawn, 25 and 10 pictures of each class; a file with fewer pictures is split by the same shares.
 */
export const cocoSub = Effect.fnUntraced(function*({ data, denominator, embedded, seed, shots }: Options) {
  const halves = Option.isNone(data)
    ? {
      name: Scenes.World.title,
      train: Scenes.Things.dataset({ split: "train" }).pipe(inThousandths),
      test: Scenes.Things.dataset({ split: "test" }).pipe(inThousandths),
      labels: Scenes.Things.labels,
      cuesNamed: Scenes.Groundedness.cuesNamed
    }
    : yield* Effect.gen(function*() {
      const path = yield* Path.Path
      const expected = "instances.json beside its pictures, or COCO's annotations/ and picture folders"
      const year = (half: string) => path.join("annotations", `instances_${half}2017.json`)
      const read = Effect.fnUntraced(function*(file: string, pictures: string) {
        return {
          labels: yield* CocoInstances.labels(file),
          all: verified(file, CocoInstances.read(file, { pictures }))
        }
      })
      const file = yield* present(data.value, ["instances.json", year("train")], expected)
      if (path.basename(file) === "instances.json") {
        const { all, labels } = yield* read(file, data.value)
        const pictures = yield* Quarantine.silently(Stream.runCount(all))
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
  const classesOf = (truth: Boxes) =>
    truth.flatMap(({ crowd, label }) => crowd === true || label === undefined ? [] : [label])
  const source: TaskSource<Boxes, Detection.Detection<"thousandths">> = {
    ...halves,
    // A picture has many classes and is drawn for one of them.
    ...few<Boxes>(
      halves.train,
      shots,
      (count) => (samples) => Subset.draw<Boxes>({ labels, classesOf, seed, train: count, test: 0 })(samples).train
    ),
    task
  }
  return source
})
