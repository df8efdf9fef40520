/** Rows as documents and records: names that have to be escaped, several labels, nothing at all. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Coco from "../../../src/cli/annotations/Coco.ts"
import * as Csv from "../../../src/cli/annotations/Csv.ts"
import * as LabelStudio from "../../../src/cli/annotations/LabelStudio.ts"
import type { Row, Shape } from "../../../src/cli/annotations/Row.ts"

const boxes: Shape = { kind: "boxes", labels: ["cup", "hat"] }
const shares: Shape = { kind: "shares", labels: ["image", "fault", "so, \"so\""] }

const row = (image: string, more: Partial<Row> = {}): Row => (
  { image, annotation: null, value: null, reasoning: null, ...more }
)

const boxed: ReadonlyArray<Row> = [
  row("a/ä b.png", {
    annotation: "hat …",
    value: [{ label: "hat", box: [10, 20, 30, 40], score: 0.5 }, { label: "cup", box: [0, 0, 5.5, 2] }],
    reasoning: "because",
    confidence: 0.25,
    width: 100,
    height: 200
  }),
  row("none.png", { annotation: "[]", value: [], width: 10, height: 10 }),
  row("/abs/broken.png", { fault: "empty" })
]

const written = (texts: Stream.Stream<string>) => Effect.map(Stream.mkString(texts), (text) => JSON.parse(text))

describe("documents", () => {
  it.effect("COCO: ids from 1, a picture without a thing is an image, one without an answer is none", () =>
    Effect.gen(function*() {
      const { annotations, categories, faults, images } = yield* written(
        Coco.document(Stream.fromIterable(boxed), boxes, "m")
      )
      assert.deepStrictEqual(categories.map(({ id, name }: { id: number; name: string }) => [id, name]), [
        [1, "cup"],
        [2, "hat"]
      ])
      assert.deepStrictEqual(images, [
        { id: 1, file_name: "a/ä b.png", width: 100, height: 200, reasoning: "because" },
        { id: 2, file_name: "none.png", width: 10, height: 10 }
      ])
      const same = { iscrowd: 0, segmentation: [] }
      assert.deepStrictEqual(annotations, [
        { id: 1, image_id: 1, category_id: 2, bbox: [10, 20, 30, 40], area: 1200, ...same, score: 0.5 },
        { id: 2, image_id: 1, category_id: 1, bbox: [0, 0, 5.5, 2], area: 11, ...same }
      ])
      assert.deepStrictEqual(faults, [{ file_name: "/abs/broken.png", fault: "empty" }])
      const empty = yield* written(Coco.document(Stream.empty, boxes, "m"))
      assert.deepStrictEqual([empty.images, empty.annotations, empty.faults], [[], [], []])
    }))

  it.effect("Label Studio: no address leads out of the storage", () =>
    Effect.gen(function*() {
      const names = ["../up/a.png", "./b.png", "/abs/c.png", "x/../../d.png", "..dots/e.png"]
      const tasks = yield* written(
        LabelStudio.document(Stream.fromIterable(names.map((name) => row(name))), boxes, { prefix: "?d=", model: "m" })
      )
      assert.deepStrictEqual(
        tasks.map(({ data: { image } }: { data: { image: string } }) => image),
        ["?d=up/a.png", "?d=b.png", "?d=abs/c.png", "?d=d.png", "?d=..dots/e.png"]
      )
    }))

  it.effect("Label Studio: percents of the picture, addresses of names, the first label of a distribution", () =>
    Effect.gen(function*() {
      const options = { prefix: "https://host/?d=", model: "m" }
      const tasks = yield* written(LabelStudio.document(Stream.fromIterable(boxed), boxes, options))
      const [{ data, predictions: [{ model_version, result, score }] }, none, broken] = tasks
      assert.deepStrictEqual(data, {
        image: "https://host/?d=a/%C3%A4%20b.png",
        file_name: "a/ä b.png",
        annotation: "hat …"
      })
      assert.deepStrictEqual([model_version, score], ["m", 0.25])
      assert.deepStrictEqual(result[0], {
        id: "box-1",
        from_name: "label",
        to_name: "image",
        type: "rectanglelabels",
        original_width: 100,
        original_height: 200,
        image_rotation: 0,
        value: { x: 10, y: 10, width: 30, height: 20, rotation: 0, rectanglelabels: ["hat"] },
        score: 0.5
      })
      assert.deepStrictEqual(result[2].value, { text: ["because"] })
      assert.deepStrictEqual(none.predictions, [{ model_version: "m", result: [] }])
      assert.deepStrictEqual(broken, {
        data: { image: "https://host/?d=abs/broken.png", file_name: "/abs/broken.png", fault: "empty" },
        predictions: []
      })
      const value = { image: 0.2, fault: 0.4, "so, \"so\"": 0.4 }
      const [task] = yield* written(
        LabelStudio.document(Stream.make(row("x.png", { annotation: "…", value })), shares, options)
      )
      assert.deepStrictEqual(task.data.distribution, value)
      assert.deepStrictEqual(task.predictions[0].result[0].value, { choices: ["fault"] })
    }))
})

describe("CSV", () => {
  it("reads its own records back, whatever stands in them", () => {
    const value = { image: 0.2, fault: 0.8, "so, \"so\"": 0 }
    const rows = [
      row("a, \"b\"\n.png", {
        annotation: "fault 80 image 20",
        value,
        reasoning: "one\r\ntwo, \"three\"",
        confidence: 0.5
      }),
      row("", { fault: "" }),
      row("c.png", { fault: "no \"answer\", none" })
    ]
    const [first, second, third] = rows.map((one) => Csv.recordOf(one, shares))
    assert.deepStrictEqual(Csv.fieldsOf(Csv.header(shares)), [
      "rise_image",
      "image",
      "fault",
      "so, \"so\"",
      "annotation",
      "reasoning",
      "confidence",
      "width",
      "height",
      "rise_fault"
    ])
    assert.deepStrictEqual(Csv.fieldsOf(first ?? ""), [
      "a, \"b\"\n.png",
      "0.2",
      "0.8",
      "0",
      "fault 80 image 20",
      "one\r\ntwo, \"three\"",
      "0.5",
      "",
      "",
      ""
    ])
    assert.deepStrictEqual(Csv.readBack(first ?? ""), { image: "a, \"b\"\n.png", annotated: true })
    assert.strictEqual(Csv.fieldsOf(second ?? "").length, 10)
    assert.deepStrictEqual(Csv.readBack(third ?? ""), { image: "c.png", annotated: false })
  })
})
