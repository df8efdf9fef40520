import { Effect, Schema } from "effect"
import { JsonLines } from "../../../src/data/index.ts"
import { lines, pictures, put, samples, texts } from "../data.ts"
import type { Target } from "../Target.ts"

const rows = [{ image: "a.png", annotation: { stars: 4 } }, { image: ["b.png"], annotation: { stars: 1 } }]
const annotation = Schema.Struct({ stars: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })) })

export const target: Target = {
  name: "jsonLines",
  kind: "json",
  seeds: texts(lines(...rows), JSON.stringify(rows), lines(...rows, { image: { path: "./a.png" }, annotation: 1 })),
  run: Effect.fnUntraced(function*(input, folder) {
    yield* pictures(folder)
    return yield* samples(JsonLines.read(yield* put(folder, "data.jsonl", input), { annotation }), annotation)
  })
}
