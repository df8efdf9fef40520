/**
 * LISA's ReasonSeg: questions with one box each.
 */
import { Effect, Option } from "effect"
import { ReasonSeg, Scenes } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import { type Annotation, Box, BoxTruth, type Detection, Lisa } from "../tasks/detection/index.ts"
import { meanBox } from "./means.ts"
import { few, type Options, present, type TaskSource, verified } from "./Source.ts"

type Boxes = Annotation<"thousandths">

const inThousandths = BoxTruth.inFrame(() => Box.thousandths)

/**
 * Questions with one box each. A folder holds ReasonSeg's `train/` and `val/` (the paper's 239 and 196 are drawn from
 * these; `test/` where there is no `val/`).
 */
export const lisa = Effect.fnUntraced(function*({ data, embedded, seed, shots }: Options) {
  const halves = Option.isNone(data)
    ? {
      name: Scenes.World.title,
      train: Scenes.Reasoning.dataset({ split: "train" }).pipe(inThousandths),
      test: Scenes.Reasoning.dataset({ split: "test" }).pipe(inThousandths),
      cuesNamed: Scenes.Groundedness.cuesNamed
    }
    : yield* Effect.gen(function*() {
      const half = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
        const folder = yield* present(data.value, names, "ReasonSeg's train/ and val/")
        return verified(folder, ReasonSeg.read(folder).pipe(inThousandths))
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
