/**
 * ImageNet's subset: one object in a picture.
 */
import { Effect, Option, Path } from "effect"
import { ImageFolder, Scenes, Subset } from "../data/index.ts"
import * as Dataset from "../dsl/Dataset.ts"
import { there } from "../kernels/runtime/there.ts"
import { type Classification, type Distribution, ImagenetSub } from "../tasks/classification/index.ts"
import { meanDistribution } from "./means.ts"
import { few, type Options, present, type TaskSource, verified } from "./Source.ts"

/**
 * 20 classes, 25 pictures of each to train on and 10 to test on. A folder holds `train/` and `val/` (or `test/`), each
 * with a folder per class, by name or by WordNet id; one without halves is drawn from for both.
 */
export const imagenetSub = Effect.fnUntraced(function*({ data, embedded, seed, shots }: Options) {
  const halves = Option.isNone(data)
    ? {
      name: Scenes.World.title,
      train: Scenes.Objects.dataset({ split: "train" }),
      test: Scenes.Objects.dataset({ split: "test" }),
      labels: Scenes.Objects.labels,
      cuesNamed: Scenes.Groundedness.cuesNamed
    }
    : yield* Effect.gen(function*() {
      const path = yield* Path.Path
      const labels = Subset.imagenetLabels
      const read = Effect.fnUntraced(function*(folder: string) {
        const byId = yield* there(path.join(folder, Subset.imagenetFolders[labels[0] ?? ""] ?? ""))
        return verified(
          folder,
          ImageFolder.read(folder, { labels }, byId ? { folders: Subset.imagenetFolders } : {})
        )
      })
      if (!(yield* there(path.join(data.value, "train")))) {
        return { name: data.value, labels, ...Subset.imagenetSub({ seed, labels })(yield* read(data.value)) }
      }
      const held = yield* present(data.value, ["val", "test"], "ImageNet's train/ and val/")
      const { train } = Subset.imagenetSub({ seed, labels, test: 0 })(yield* read(path.join(data.value, "train")))
      const { test } = Subset.imagenetSub({ seed, labels, train: 0 })(yield* read(held))
      return { name: data.value, labels, train, test }
    })
  const task = Option.isNone(data) || embedded
    ? ImagenetSub.forEmbedded(halves.labels)
    : ImagenetSub.make(halves.labels)
  const source: TaskSource<Distribution, Classification.Classification> = {
    ...halves,
    ...few<Distribution>(halves.train, shots, (count) => Dataset.shots(count, { classOf: task.classOf, seed })),
    task,
    mean: meanDistribution
  }
  return source
})
