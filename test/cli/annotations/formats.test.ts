/** Rows as documents and records: names that have to be escaped, several labels, nothing at all. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Stream } from "effect"
import * as Coco from "../../../src/cli/annotations/Coco.ts"
import * as CocoIds from "../../../src/cli/annotations/CocoIds.ts"
import * as Csv from "../../../src/cli/annotations/Csv.ts"
import * as LabelStudio from "../../../src/cli/annotations/LabelStudio.ts"
import type { Row, Shape } from "../../../src/cli/annotations/Row.ts"
import * as Suspects from "../../../src/cli/annotations/Suspects.ts"
import * as Values from "../../../src/cli/annotations/Values.ts"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Box, CocoSub } from "../../../src/tasks/detection/index.ts"
import { folder, live } from "../../data/folders.ts"

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

const written = <E>(texts: Stream.Stream<string, E>) => Effect.map(Stream.mkString(texts), (text) => JSON.parse(text))

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
        LabelStudio.ofRows(Stream.fromIterable(names.map((name) => row(name))), boxes, { prefix: "?d=", model: "m" })
      )
      assert.deepStrictEqual(
        tasks.map(({ data: { image } }: { data: { image: string } }) => image),
        ["?d=up/a.png", "?d=b.png", "?d=abs/c.png", "?d=d.png", "?d=..dots/e.png"]
      )
    }))

  it.effect("Label Studio: percents of the picture, addresses of names, the first label of a distribution", () =>
    Effect.gen(function*() {
      const options = { prefix: "https://host/?d=", model: "m" }
      const tasks = yield* written(LabelStudio.ofRows(Stream.fromIterable(boxed), boxes, options))
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
        LabelStudio.ofRows(Stream.make(row("x.png", { annotation: "…", value })), shares, options)
      )
      assert.deepStrictEqual(task.data.distribution, value)
      assert.deepStrictEqual(task.predictions[0].result[0].value, { choices: ["fault"] })
    }))
})

describe("COCO's results", () => {
  const text = (rows: ReadonlyArray<Row>, ids: CocoIds.Ids) =>
    written(Coco.results(Stream.fromIterable(rows), boxes, ids))

  it.effect("have the ids of the COCO file of the same rows; a box without a score the answer's", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* text(boxed, CocoIds.ofRows(boxed, boxes)), [
        { image_id: 1, category_id: 2, bbox: [10, 20, 30, 40], score: 0.5 },
        { image_id: 1, category_id: 1, bbox: [0, 0, 5.5, 2], score: 0.25 }
      ])
      assert.deepStrictEqual(yield* text([], CocoIds.ofRows([], boxes)), [])
      const silent = row("q.png", {
        annotation: "cup",
        value: [{ label: "cup", box: [0, 0, 1, 1] }],
        width: 9,
        height: 9
      })
      const { message } = yield* Effect.flip(text([silent], CocoIds.ofRows([silent], boxes)))
      assert.match(message, /q\.png.*no score, and COCO ranks results by it.*--format coco/)
      const strange = yield* Effect.flip(text([{ ...silent, confidence: 1 }], CocoIds.ofRows([], boxes)))
      assert.match(strange.message, /q\.png.*no id for it, or for its label "cup"/)
    }))

  const listed = (images: ReadonlyArray<unknown>, categories: ReadonlyArray<unknown>) =>
    JSON.stringify({ images, categories, annotations: [] })
  const both = [{ id: 7, name: "hat" }, { id: "c", name: "cup" }, { id: 9, name: "cap" }]

  it.effect("have the ids of a file of truths, whose pictures may lie elsewhere", () =>
    live(Effect.gen(function*() {
      const images = ["toString.png", "val/a.png", "b.png", "other/c.png", "x/d.png", "y/d.png", "g.png", "g.png"]
      const truths = listed(images.map((file_name, i) => ({ id: 100 + i, file_name })), both)
      const root = yield* folder({ "truths.json": truths, "none.json": "[1]" })
      const read = (names: ReadonlyArray<string>, shape = boxes, file = "truths.json") =>
        CocoIds.read(`${root}/${file}`, names, shape)
      const names = ["toString.png", "/data/val/a.png", "photos/b.png", "c.png", "pictures/y/d.png"]
      const { category, image } = yield* read(names)
      assert.deepStrictEqual(names.map((name) => Option.getOrNull(image(name))), [100, 101, 102, 103, 105])
      assert.deepStrictEqual(boxes.labels.map((label) => Option.getOrNull(category(label))), ["c", 7])
      const refused = (...given: Parameters<typeof read>) => Effect.map(Effect.flip(read(...given)), String)
      assert.match(yield* refused(["d.png"]), /it lists no picture d\.png, or several of that file name: name/)
      assert.match(yield* refused(["b.png", "e.png", "f.png"]), /no picture e\.png, .*, nor 1 others/)
      assert.match(
        yield* refused([], { ...boxes, labels: ["cup", "toString"] }),
        /no category "toString", or several of that name/
      )
      assert.match(yield* refused(["g.png"]), /it lists no picture g\.png, or several of that file name/)
      assert.match(yield* refused([], boxes, "none.json"), /none\.json: not in the expected form, COCO's/)
      assert.match(yield* refused([], boxes, "gone.json"), /gone\.json: no such file/)
    })))
})

describe("an audit's suspects", () => {
  it.effect("are tasks with two pre-annotations, the rebuilt one as sure as the label is suspect", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* folder({})
      const task = CocoSub.forLabels(boxes.labels)
      const image = Image.rendered("a b.png", () => ({ width: 200, height: 100, data: new Uint8Array(60_000) }))
      const truth = [{ label: "cup", box: Box.make("thousandths", [100, 200, 500, 400]) }]
      const label = task.encode(truth)
      const scores = { best: 0, mean: 0, metric: 0, similarity: 0.25, chains: 4, leaked: 0, unread: 0 }
      const reconstruction = task.encode([{ label: "hat", box: Box.make("thousandths", [0, 0, 250, 1000]) }])
      yield* Suspects.write({
        path: `${root}/suspects.json`,
        task,
        shape: boxes,
        value: Values.boxes(Values.inThousandths),
        data: Stream.make({ image, truth }),
        suspects: [{
          rank: 1,
          image: image.id,
          label,
          reconstruction,
          reasoning: "round",
          reason: "why",
          agrees: false,
          wrong: true,
          path: "/here/a b.png",
          ...scores
        }],
        prefix: "?d="
      })
      const [{ data, predictions }, ...others] = JSON.parse(yield* fs.readFileString(`${root}/suspects.json`))
      assert.deepStrictEqual(others, [])
      // As suspects.jsonl has it, but for the reasoning, which is a pre-annotation.
      const told = { rank: 1, label, reconstruction, reason: "why", agrees: false, wrong: true, ...scores }
      assert.deepStrictEqual(data, { image: "?d=a%20b.png", file_name: "a b.png", ...told })
      const [rebuilt, given] = predictions
      assert.deepStrictEqual([rebuilt.model_version, rebuilt.score, given.model_version], ["audit", 0.75, "label"])
      const at = (prediction: typeof rebuilt) => prediction.result[0].value
      const hat = { x: 0, y: 0, width: 25, height: 100, rotation: 0, rectanglelabels: ["hat"] }
      assert.deepStrictEqual([at(rebuilt), rebuilt.result[1].value], [hat, { text: ["round"] }])
      assert.deepStrictEqual(at(given), { x: 10, y: 20, width: 50, height: 40, rotation: 0, rectanglelabels: ["cup"] })
      assert.match(yield* fs.readFileString(`${root}/suspects.json.xml`), /<RectangleLabels name="label"[^]*"hat"/)
    })))
})

describe("CSV", () => {
  it("reads its own records back, whatever stands in them", () => {
    const value = { image: 0.2, fault: 0.8, "so, \"so\"": 0 }
    const rows = [
      row("a, \"b\"\n.png", {
        annotation: "fault 80 image 20",
        value,
        reasoning: "one\r\ntwo, \"three\"",
        confidence: 0.5,
        closed: true
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
      "closed",
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
      "true",
      "",
      "",
      ""
    ])
    assert.deepStrictEqual(Csv.readBack(first ?? ""), { image: "a, \"b\"\n.png", annotated: true })
    assert.strictEqual(Csv.fieldsOf(second ?? "").length, 11)
    assert.deepStrictEqual(Csv.readBack(third ?? ""), { image: "c.png", annotated: false })
  })
})
