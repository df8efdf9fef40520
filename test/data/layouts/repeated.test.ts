/** Rows and files of JSON that say two things under one key. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ReasonSeg } from "../../../src/data/index.ts"
import { layout as coco } from "../../../src/data/layouts/Coco.ts"
import { layout as conversations } from "../../../src/data/layouts/Conversations.ts"
import { layout as rows } from "../../../src/data/layouts/JsonForms.ts"
import { collect, folder, live } from "../folders.ts"
import { opened } from "./open.ts"

const pictures = { "a.png": [40, 30], "b.png": [40, 30], "c.png": [40, 30] } as const
const sound = ["{\"image\": \"a.png\", \"label\": \"sun\"}", "{\"image\": \"b.png\", \"label\": \"rain\"}"]
const twice = "{\"image\": \"c.png\", \"label\": \"sun\", \"label\": \"rain\"}"

describe("a key that stands twice", () => {
  it.effect("sets its row of JSON lines aside", () =>
    live(Effect.gen(function*() {
      const found = yield* opened(rows, yield* folder({ ...pictures, "data.jsonl": [...sound, twice].join("\n") }))
      assert.deepStrictEqual(found.train.rows, [[3, "repeated-key"]])
      assert.deepStrictEqual(found.train.truths, [["a.png", [0, 1]], ["b.png", [1, 0]]])
      assert.deepStrictEqual(found.train.details, [
        "column 36: \"label\" stands twice in one object, and which of them holds cannot be told: leave one"
      ])
      const asked = "{\"image\": \"a.png\", \"problem\": \"?\", \"solution\": \"sun\"}"
      const other = "{\"image\": \"b.png\", \"problem\": \"?\", \"solution\": \"rain\"}"
      const answers = [
        asked,
        other,
        "{\"image\": \"c.png\", \"image\": \"b.png\", \"problem\": \"?\", \"solution\": \"sun\"}"
      ]
      const spoken = yield* opened(conversations, yield* folder({ ...pictures, "data.jsonl": answers.join("\n") }))
      assert.deepStrictEqual(spoken.train.rows, [[3, "repeated-key"]])
      // An answer in JSON is data, too.
      const boxes = (more: string) => `[{"bbox_2d": [1, 2, 11, 12], "label": "cup"${more}}]`
      const row = (image: string, solution: string) => JSON.stringify({ image, problem: "?", solution })
      const answered = yield* opened(
        conversations,
        yield* folder({
          ...pictures,
          "data.jsonl": [row("a.png", boxes("")), row("b.png", boxes(", \"label\": \"mug\""))].join("\n")
        })
      )
      assert.deepStrictEqual(answered.train.truths, [["a.png", [["cup", 1, 2, 10, 10]]]])
      assert.deepStrictEqual(answered.train.rows, [[2, "repeated-key"]])
      assert.match(answered.train.details[0] ?? "", /^the answer: column 46: "label" stands twice in one object/)
    })))

  it.effect("is none of two spellings that both could be the label", () =>
    live(Effect.gen(function*() {
      const spelled = "{\"image\": \"c.png\", \"Label\": \"sun\", \"LABEL\": \"rain\"}"
      const found = yield* opened(rows, yield* folder({ ...pictures, "data.jsonl": [...sound, spelled].join("\n") }))
      assert.deepStrictEqual(found.train.truths, [["a.png", [0, 1]], ["b.png", [1, 0]]])
      assert.strictEqual(found.train.rows.length, 1)
    })))

  it.effect("is an error of a file that is read whole, and says where", () =>
    live(Effect.gen(function*() {
      const list = `[\n${[...sound, twice].join(",\n")}\n]`
      const { error } = yield* opened(rows, yield* folder({ ...pictures, "data.json": list }))
      assert.match(error, /data\.json: line 4, column 36: "label" stands twice in one object/)
      const file = JSON.stringify({
        images: [{ id: 1, file_name: "a.png" }],
        annotations: [{ image_id: 1, category_id: 1, bbox: [1, 1, 9, 9], iscrowd: 0 }],
        categories: [{ id: 1, name: "cup" }]
      })
      const whole = yield* opened(coco, yield* folder({ ...pictures, "instances.json": file }))
      assert.deepStrictEqual([whole.error, whole.train.truths], ["", [["a.png", [["cup", 1, 1, 9, 9]]]]])
      for (const [key, more] of [["category_id", "\"category_id\":2,"], ["annotations", ""]] as const) {
        const text = more === ""
          ? `{"annotations":[],${file.slice(1)}`
          : file.replace("\"category_id\"", `${more}"category_id"`)
        const found = yield* opened(coco, yield* folder({ ...pictures, "instances.json": text }))
        assert.match(
          found.error,
          new RegExp(`instances\\.json: line 1, column \\d+: "${key}" stands twice in one object`)
        )
      }
    })))

  it.effect("sets the picture of a file of ReasonSeg aside", () =>
    live(Effect.gen(function*() {
      const shape = { label: "target", shape_type: "polygon", points: [[1, 1], [9, 1], [9, 9]] }
      const text = JSON.stringify({ text: ["what?"], is_sentence: true, shapes: [shape] })
      const root = yield* folder({
        ...{ "a.png": [40, 30], "a.json": text, "b.png": [40, 30] },
        "b.json": text.replace("{", "{\"text\": [\"which?\"], ")
      })
      const { rows, samples } = yield* collect(ReasonSeg.read(root))
      assert.deepStrictEqual([samples.length, rows], [1, [[2, "repeated-key"]]])
    })))
})
