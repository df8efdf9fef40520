/** Rows of JSON: names that may be of several pictures, and fields that may be none of a label. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layout } from "../../../src/data/layouts/JsonForms.ts"
import { folder, live } from "../folders.ts"
import { lines, opened } from "./open.ts"

describe("rows of JSON", () => {
  it.effect("with a name that several folders have is set aside; from where the file lies it is a path", () =>
    live(Effect.gen(function*() {
      const row = (image: string) => ({ image, label: image.startsWith("1") ? "sun" : "rain" })
      const files = { "images/1.png": [4, 4], "photos/1.png": [4, 4], "photos/2.png": [4, 4] } as const
      const root = yield* folder({ ...files, "data.jsonl": lines(row("1.png"), row("2.png"), row("2.png")) })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual(found.train.rows, [[1, "ambiguous-name"]])
      assert.deepStrictEqual(found.train.details, ["\"1.png\" may be \"images/1.png\", \"photos/1.png\""])
      assert.deepStrictEqual(found.train.truths.map((truth) => (truth as Array<unknown>)[0]), ["photos/2.png"])
      const beside = yield* folder({ ...files, "1.png": [4, 4], "data.jsonl": lines(row("1.png"), row("2.png")) })
      const plain = yield* opened(layout, beside)
      assert.deepStrictEqual(
        plain.train.truths.map((truth) => (truth as Array<unknown>)[0]),
        ["1.png", "photos/2.png"]
      )
    })))

  it.effect("of which all are to test on say so, and places and sizes are no labels", () =>
    live(Effect.gen(function*() {
      const files = { "1.png": [4, 4], "2.png": [4, 4] } as const
      const both = lines({ image: "1.png", label: "sun" }, { image: "2.png", label: "rain" })
      const tested = yield* opened(layout, yield* folder({ ...files, "test.jsonl": both }))
      assert.match(tested.notes, /no file to train on: "test\.jsonl" is read as one part/)
      const point = (image: string) => ({ image, annotation: { x: 4, y: 5 } })
      const points = yield* opened(
        layout,
        yield* folder({ ...files, "data.jsonl": lines(point("1.png"), point("2.png")) })
      )
      assert.match(points.error, /"annotation" is \{"x":4,"y":5\}, which reads as a place or a size: expected a label/)
      const beside = lines({ image: "1.png", weather: "sun", x: 4, width: 9 }, {
        image: "2.png",
        weather: "rain",
        x: 1
      })
      const labelled = yield* opened(layout, yield* folder({ ...files, "data.jsonl": beside }))
      assert.deepStrictEqual([labelled.error, labelled.labels], ["", ["rain", "sun"]])
      const alone = yield* opened(
        layout,
        yield* folder({ ...files, "data.jsonl": lines({ image: "1.png", x: 4, y: 5 }) })
      )
      assert.match(alone.error, /expected "label", or boxes in "objects": found "x", "y"/)
      // A word is no size: it may be the label.
      const words = lines({ image: "1.png", area: "kitchen" }, { image: "2.png", area: "garden", height: 9 })
      const areas = yield* opened(layout, yield* folder({ ...files, "data.jsonl": words }))
      assert.deepStrictEqual([areas.error, areas.labels], ["", ["garden", "kitchen"]])
      const two = lines({ image: "1.png", area: "kitchen", weather: "sun" })
      assert.match(
        (yield* opened(layout, yield* folder({ ...files, "data.jsonl": two }))).error,
        /expected "label", or boxes in "objects": found "area", "weather"/
      )
      const named = lines({ image: "1.png", label: { x: 1, sun: 3 } }, { image: "2.png", label: { x: 2, sun: 2 } })
      assert.deepStrictEqual((yield* opened(layout, yield* folder({ ...files, "data.jsonl": named }))).labels, [
        "sun",
        "x"
      ])
    })))
})
