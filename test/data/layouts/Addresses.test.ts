/** Pictures that are named by addresses: the files of their names, where these are there, in every reader of names. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as JsonLines from "../../../src/data/JsonLines.ts"
import * as Conversations from "../../../src/data/layouts/Conversations.ts"
import * as JsonForms from "../../../src/data/layouts/JsonForms.ts"
import * as LabelStudio from "../../../src/data/layouts/LabelStudio.ts"
import type { Layout } from "../../../src/data/layouts/Layout.ts"
import * as Tables from "../../../src/data/layouts/Tables.ts"
import { collect, folder, live } from "../folders.ts"
import { lines, opened } from "./open.ts"

const pictures = { "im 0.png": [8, 6], "deep/er/im 1.png": [8, 6], "x/two.png": [8, 6], "y/two.png": [8, 6] } as const

const task = (image: string, i: number) => ({
  id: i,
  data: { image },
  annotations: [{
    id: i,
    result: [{
      id: "r",
      type: "choices",
      from_name: "w",
      to_name: "image",
      value: { choices: [i % 2 === 0 ? "sun" : "rain"] }
    }]
  }]
})
const label = (i: number) => i % 2 === 0 ? "sun" : "rain"
/** A file of rows that name these pictures, by layout. */
const written: Readonly<Record<string, readonly [Layout, string, (images: ReadonlyArray<string>) => string]>> = {
  "a table": [
    Tables.layout,
    "labels.csv",
    (images) => `image,label\n${images.map((image, i) => `${image},${label(i)}\n`).join("")}`
  ],
  "JSON rows": [
    JsonForms.layout,
    "data.jsonl",
    (images) => lines(...images.map((image, i) => ({ image, label: label(i) })))
  ],
  "conversations": [
    Conversations.layout,
    "data.jsonl",
    (images) =>
      lines(...images.map((image, i) => ({
        image,
        conversations: [{ from: "human", value: "<image>Which weather?" }, { from: "gpt", value: label(i) }]
      })))
  ],
  "Label Studio": [LabelStudio.layout, "project.json", (images) => JSON.stringify(images.map(task))]
}

describe("pictures at addresses", () => {
  for (const [name, [layout, file, write]] of Object.entries(written)) {
    it.effect(`${name}: the file of the name, if one has it, and none that is another's`, () =>
      live(Effect.gen(function*() {
        const root = yield* folder({
          ...pictures,
          [file]: write([
            "s3://bucket/a/im 0.png",
            "https://example.org/b/im%201.png?token=1&x=/y",
            "gs://bucket/two.png",
            "az://bucket/gone.png",
            "s3://bucket/other/im 0.png"
          ])
        })
        const found = yield* opened(layout, root)
        assert.strictEqual(found.error, "")
        assert.deepStrictEqual(found.train.truths, [["im 0.png", [0, 1]], ["deep/er/im 1.png", [1, 0]]])
        assert.deepStrictEqual(found.train.rows.map((row) => (row as ReadonlyArray<unknown>)[1]), [
          "ambiguous-name",
          "remote",
          "ambiguous-name"
        ])
        assert.match(found.train.details[0] ?? "", /"gs:\/\/bucket\/two\.png" may be "x\/two\.png", "y\/two\.png"/)
        assert.match(
          found.train.details[1] ?? "",
          /is an address \(az\), and nothing is fetched: put "gone\.png" into the data's folder, or name another file/
        )
        assert.match(found.train.details[2] ?? "", /a\/im 0\.png" and "s3:.*other\/im 0\.png" may both be "im 0\.png"/)
        assert.match(found.notes, /5 pictures named by an address: the file of the same name is taken/)
      })))
  }

  it.effect("JsonLines", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...pictures,
        "data.jsonl": lines(
          ...["s3://bucket/im 0.png", "s3://bucket/gone.png"].map((image) => ({ image, annotation: 1 }))
        )
      })
      const { ids, rows } = yield* collect(JsonLines.read(`${root}/data.jsonl`, { annotation: Schema.Int }))
      assert.deepStrictEqual([ids, rows], [["im 0.png"], [[2, "remote"]]])
    })))
})
