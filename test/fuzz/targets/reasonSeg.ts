import { Effect } from "effect"
import { ReasonSeg } from "../../../src/data/index.ts"
import { Instances, pictures, put, samples, values } from "../data.ts"
import type { Target } from "../Target.ts"

const points = [[1, 2], [20, 2], [20, 20]]

export const target: Target = {
  name: "reasonSeg",
  kind: "json",
  seeds: values(
    { text: ["what is hot?"], is_sentence: true, shapes: [{ label: "target", points, shape_type: "polygon" }] },
    { text: "the cup", shapes: [{ label: "target", points: points.slice(1), shape_type: "rectangle" }] },
    { text: ["a", "b"], shapes: [{ label: "ignore", points }, { label: "target", points, shape_type: "circle" }] }
  ),
  run: Effect.fnUntraced(function*(input, folder) {
    yield* pictures(folder)
    yield* put(folder, "a.json", input)
    return yield* samples(ReasonSeg.read(folder, { targets: "each" }), Instances)
  })
}
