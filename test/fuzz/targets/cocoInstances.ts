import { Effect } from "effect"
import { CocoInstances } from "../../../src/data/index.ts"
import { Instances, pictures, put, samples, values } from "../data.ts"
import type { Target } from "../Target.ts"

const images = [{ id: 1, file_name: "a.png", width: 40, height: 30 }, { id: "2", file_name: "b.png" }]
const categories = [{ id: 3, name: "cup", supercategory: "things" }, { id: 4, name: "dog" }]
const rle = { counts: [10, 5, 1185], size: [30, 40] }

export const target: Target = {
  name: "cocoInstances",
  kind: "json",
  seeds: values(
    { images, categories, annotations: [{ id: 1, image_id: 1, category_id: 3, bbox: [1, 2, 3, 4], iscrowd: 0 }] },
    { images, categories, annotations: [{ image_id: 2, category_id: 4, segmentation: [[1, 2, 9, 2, 9, 9]] }] },
    { images, categories, annotations: [{ image_id: 1, category_id: 4, segmentation: rle, iscrowd: 1 }] },
    { images, categories, annotations: [{ image_id: 1, category_id: 4, segmentation: { ...rle, counts: ":5Qa1" } }] },
    { images, categories, annotations: [{ image_id: 1, category_id: 3, bbox: { x: 1, y: 1, w: 3, h: "4" } }] }
  ),
  run: Effect.fnUntraced(function*(input, folder) {
    yield* pictures(folder)
    return yield* samples(CocoInstances.read(yield* put(folder, "instances.json", input)), Instances)
  })
}
