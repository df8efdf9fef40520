/** Damaged files of every JSON layout: samples, reasons or a typed error, never a crash. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as Coco from "../../../src/data/layouts/Coco.ts"
import * as Conversations from "../../../src/data/layouts/Conversations.ts"
import * as JsonForms from "../../../src/data/layouts/JsonForms.ts"
import * as LabelStudio from "../../../src/data/layouts/LabelStudio.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { folder, live } from "../folders.ts"
import { opened } from "./open.ts"

const result = (type: string, value: unknown) => ({ id: "x", from_name: "label", type, value })
const rectangle = { x: 1, y: 2, width: 30, height: 40, rotation: 10, rectanglelabels: ["cup"] }
const task = {
  id: 1,
  data: { image: "/data/upload/1/a.png" },
  annotations: [
    { result: [{ ...result("rectanglelabels", rectangle), original_width: 40, original_height: 30 }], updated_at: "1" },
    { result: [result("choices", { choices: ["sun"] })], was_cancelled: false, updated_at: "2" }
  ]
}
const box = { bbox: [1, 2, 3, 4], label: "cup" }
const turns = [{ from: "human", value: "<image>" }, {
  from: "gpt",
  value: "<answer>{\"sun\": 70, \"rain\": 30}</answer>"
}]

const sound = [
  [JsonForms.layout, [{ image: "a.png", label: "sun" }, { image: "a.png", label: { sun: 0.7, rain: 0.3 } }]],
  [JsonForms.layout, [{ image: "a.png", objects: [box], split: "test" }, { image: "a.png", ...box }]],
  [Conversations.layout, [{ image: "a.png", conversations: turns }]],
  [LabelStudio.layout, [task]],
  [Coco.layout, {
    images: [{ id: 1, file_name: "a.png" }],
    annotations: [{ image_id: 1, category_id: 3, bbox: [1, 2, 3, 4] }],
    categories: [{ id: 3, name: "cup" }]
  }]
] as const

const damages = [
  "",
  "null",
  "-1",
  "1e999",
  "[",
  "}",
  "\"",
  "{\"__proto__\":1}",
  "\\u0000",
  "[]",
  "{}",
  ",",
  "constructor"
]

describe("damaged JSON", () => {
  it.effect("ends in samples, reasons or a typed error", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a.png": [40, 30] })
      const fs = yield* FileSystem.FileSystem
      let read = 0
      for (let i = 0; i < 150; i++) {
        const draw = Keyed.stream(i, "layouts")
        const [layout, value] = draw.pick(sound)
        const text = JSON.stringify(value)
        const at = draw.int(text.length)
        yield* fs.writeFileString(
          `${root}/data.json`,
          text.slice(0, at) + draw.pick(damages) + text.slice(at + draw.int(9))
        )
        const { error, test, train, unknown } = yield* opened(layout, root)
        const told = train.rows.length + train.truths.length + test.truths.length + train.error.length
        assert.isTrue(unknown || error !== "" || told > 0, `${layout.name} ${i}`)
        read += train.truths.length
      }
      assert.isAbove(read, 10)
    })))
})
