import { Effect, Option } from "effect"
import * as CocoIds from "../../../src/cli/annotations/CocoIds.ts"
import { put, values } from "../data.ts"
import { holds, type Target } from "../Target.ts"

const images = [{ id: 1, file_name: "val/a.png" }, { id: "2", file_name: "b.png" }]
const categories = [{ id: 3, name: "cup" }, { id: 4, name: "dog" }]
const names = ["pictures/val/a.png", "b.png"]
const shape = { kind: "boxes", labels: ["cup", "dog"] } as const

export const target: Target = {
  name: "cocoIds",
  kind: "json",
  seeds: values({ images, categories, annotations: [] }, {
    images,
    categories: [...categories, { id: 9, name: "hat" }]
  }),
  run: Effect.fnUntraced(function*(input, folder) {
    const read = CocoIds.read(yield* put(folder, "truths.json", input), names, shape)
    const ids = yield* Effect.option(read)
    if (Option.isNone(ids)) return false
    const { category, image } = ids.value
    for (const id of [...names.map(image), ...shape.labels.map(category)]) {
      holds(Option.exists(id, (id) => typeof id === "string" || Number.isFinite(id)), () => "a name without an id")
    }
    return true
  })
}
