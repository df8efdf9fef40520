/** Boxes in rows of JSON: every form says the same box, and what is in doubt is asked for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Schema } from "effect"
import sharp from "sharp"
import { place } from "../../../src/data/BoxPlace.ts"
import * as BoxForms from "../../../src/data/layouts/BoxForms.ts"
import { layout } from "../../../src/data/layouts/JsonForms.ts"
import { folder, live } from "../folders.ts"
import { lines, opened } from "./open.ts"

const abc = { "a.png": [40, 30], "b.png": [40, 30], "c.png": [40, 30] } as const

const rows = (...values: ReadonlyArray<unknown>) =>
  Effect.flatMap(folder({ ...abc, "data.jsonl": lines(...values) }), (root) => opened(layout, root))

const Side = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))
const Length = Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 400 }))

describe("boxes in JSON rows", () => {
  it.effect("stand beside their labels as numbers, too, and may be no size of the picture", () =>
    live(Effect.gen(function*() {
      const corners = { x1: 1, y1: 2, x2: 11, y2: 12, width: 40, height: 30 }
      const flat = yield* rows(
        { image: "a.png", label: "cup", ...corners },
        { image: "a.png", label: "mug", ...corners, x2: 21 },
        { image: "b.png", label: "cup", ...corners, width: 41 }
      )
      assert.deepStrictEqual(flat.train.truths, [["a.png", [["cup", 1, 2, 10, 10], ["mug", 1, 2, 20, 10]]]])
      assert.deepStrictEqual(flat.train.rows, [[3, "size-mismatch"]])
      const doubtful = yield* rows({ image: "a.png", label: "cup", x: 1, y: 2, width: 10, height: 10 })
      assert.match(
        doubtful.error,
        /"x", "y", "width", "height" beside a label may be a box, or a place and the size of/
      )
      const middle = { x_center: 0.5, y_center: 0.5, width: 0.2, height: 0.1 }
      assert.match(
        (yield* rows({ image: "a.png", label: "cup", ...middle })).error,
        /write a box as "bbox": \[x_center, y_center, width, height\] with "bbox_format": "cxcywh", or/
      )
      // Numbers for labels that are called so.
      const ways = yield* rows({ image: "a.png", left: 1, top: 0, right: 0, bottom: 0 }, {
        image: "b.png",
        label: { left: 0, top: 1, right: 0, bottom: 0 }
      })
      assert.deepStrictEqual([ways.kind, ways.labels], ["classes", ["bottom", "left", "right", "top"]])
    })))

  it.prop("say the same in every form", [Side, Side, Length, Length], ([x, y, width, height]) => {
    const [right, bottom] = [x + width, y + height]
    const label = "cup"
    for (
      const fields of [
        { objects: [{ bbox: [x, y, width, height], label }] },
        { objects: { bbox: [[x, y, width, height]], category: [label] } },
        { objects: { bbox: [[x, y, width, height]], categories: label } },
        { bbox: [x, y, width, height], label },
        { boxes: [[x, y, width, height]], labels: [label] },
        { bboxes: [[String(x), String(y), width, height]], class: label },
        { annotations: [{ bbox: { x, y, width, height }, category_name: label }] },
        { annotations: [{ x, y, w: width, h: height, class: label }] },
        { box: { xmin: x, ymin: y, xmax: right, ymax: bottom }, label },
        { boxes: [{ left: x, top: y, right, bottom, label }] },
        { BBox: [x, y, width, height], Label: label },
        { Objects: [{ Bbox: [x, y, width, height], Class: label }] },
        { objects: { BBOX: [[x, y, width, height]], Category: [label] } },
        { Annotations: [{ xMin: x, yMin: y, xMax: right, yMax: bottom, Label: label }] },
        { bbox_2d: [x, y, right, bottom], label },
        { objects: [{ bbox_2d: [x, y, right, bottom], label: [label] }] },
        { xyxy: [x, y, right, bottom], label },
        { x1: x, y1: y, x2: right, y2: bottom, label },
        { xMin: x, yMin: y, xMax: right, yMax: bottom, Label: label },
        { left: x, top: y, right, bottom, category: label },
        { x, y, w: width, h: height, label },
        { x0: x, y0: y, x1: right, y1: bottom, label },
        { xtl: x, ytl: y, xbr: right, ybr: bottom, label },
        { cx: x + width / 2, cy: y + height / 2, w: width, h: height, label },
        { objects: [{ x_center: x + width / 2, y_center: y + height / 2, width, height, label }] },
        { bbox: [x, y, right, bottom], bbox_format: "pascal_voc", label },
        { bbox_format: "cxcywh", objects: [{ bbox: [x + width / 2, y + height / 2, width, height], label }] },
        { objects: [{ box_2d: [y, x, bottom, right], label }] },
        { bbox: [x, y, right, bottom], bbox_format: "thousandths", label }
      ]
    ) {
      const [box] = Option.match(BoxForms.read(fields), { onNone: () => [], onSome: Result.getOrThrow })
      assert.isDefined(box, JSON.stringify(fields))
      assert.deepStrictEqual(box!.label, Option.some(label))
      const placed = place(box!, false, { width: 1000, height: 1000 })
      for (const [i, value] of [x, y, width, height].entries()) assert.closeTo(placed[i]!, value, 1e-9)
    }
  }, { arbitrary: { runs: 50 } })

  it.effect("are marked as crowds one by one or in a list, a picture of which alone is set aside; flags are told", () =>
    live(Effect.gen(function*() {
      const bbox = [5, 6, 10, 12]
      const objects = [{ bbox, label: "cup", iscrowd: 1 }, { bbox, label: "hat", iscrowd: false }]
      const columns = { bbox: [bbox, bbox], category: ["cup", "hat"], is_crowd: [true, null], difficult: [0, 1] }
      const found = yield* rows(
        { image: "a.png", objects },
        { image: "b.png", objects: columns },
        { image: "c.png", bbox, label: "cup", iscrowd: 1 }
      )
      assert.deepStrictEqual(found.train.truths.map((truth) => (truth as Array<unknown>)[0]), ["a.png", "b.png"])
      assert.deepStrictEqual(found.train.rows, [[3, "only-crowds"]])
      assert.match(found.notes, /3 crowds \("iscrowd"\) are not asked for/)
      assert.match(found.notes, /1 annotation marked "difficult" is read as any other/)
      for (const fields of [{ objects }, { objects: columns }]) {
        const boxes = Option.match(BoxForms.read(fields), { onNone: () => [], onSome: Result.getOrThrow })
        assert.deepStrictEqual(boxes.map(({ crowd }) => crowd), [true, undefined])
      }
      for (const [flag, isTold] of [[2, true], ["yes", true], [0.5, true], ["False", false], ["", false], [0, false]]) {
        const { notes } = yield* rows({ image: "a.png", objects: [{ bbox, label: "cup", ignore: flag }] })
        assert.strictEqual(notes.includes("1 annotation marked \"ignore\" is read as any other"), isTold, String(flag))
      }
      const capitals = yield* rows(
        { image: "a.png", objects: [{ bbox, label: "cup", isCrowd: true }, { bbox, label: "hat", IsCrowd: false }] },
        { image: "b.png", bbox, label: "cup", ISCROWD: 1 }
      )
      assert.deepStrictEqual(capitals.train.rows, [[2, "only-crowds"]])
      assert.match(capitals.notes, /2 crowds \("iscrowd"\) are not asked for/)
      const short = yield* rows({ image: "a.png", objects: { ...columns, is_crowd: [true] } })
      assert.match(short.error, /bad-annotation: 2 boxes in "bbox" beside 1 of "is_crowd"/)
      const others = { ...columns, is_crowd: [], ignore: [[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9]] }
      assert.strictEqual((yield* rows({ image: "a.png", objects: others })).train.truths.length, 1)
      const many = yield* rows({ image: "a.png", bbox, label: "cup", iscrowd: [0, 1] })
      assert.match(many.error, /bad-annotation: 1 box in "bbox" beside 2 of "iscrowd"/)
      const wrong = yield* rows({ image: "a.png", objects: [{ bbox, label: "cup", iscrowd: "perhaps" }] })
      assert.match(wrong.error, /bad-annotation: "iscrowd" is "perhaps", expected 0 or 1/)
    })))

  it.effect("become instances in pixels, clipped, and shares of the sides where all are up to 1", () =>
    live(Effect.gen(function*() {
      const found = yield* rows(
        {
          image: "a.png",
          objects: [{ bbox: [5, 6, 10, 12], label: "cup" }, { bbox: [30, 20, 10.2, 10.2], label: "hat" }]
        },
        { image: "b.png", objects: [] },
        { image: "c.png", objects: [{ bbox: [50, 6, 10, 12], label: "cup" }] }
      )
      assert.strictEqual(found.kind, "boxes")
      assert.deepStrictEqual(found.labels, ["cup", "hat"])
      assert.deepStrictEqual(found.train.truths, [
        ["a.png", [["cup", 5, 6, 10, 12], ["hat", 30, 20, 10, 10]]],
        ["b.png", []]
      ])
      assert.deepStrictEqual(found.train.rows, [[3, "outside-image"]])
      assert.match(found.notes, /"bbox" holds \[x, y, width, height\], in pixels/)
      const shares = yield* rows({ image: "a.png", bbox: [0.125, 0.2, 0.25, 0.4], label: "cup" })
      assert.deepStrictEqual(shares.train.truths, [["a.png", [["cup", 5, 6, 10, 12]]]])
      assert.match(shares.notes, /in shares of the sides/)
      const mixed = yield* rows({ image: "a.png", bbox: [5, 6, 10, 12], label: "cup" }, {
        image: "b.png",
        bbox: [0.1, 0.2, 0.5, 0.5],
        label: "cup"
      })
      assert.deepStrictEqual(mixed.train.rows, [[2, "bad-annotation"]])
      assert.match(mixed.train.details[0]!, /in shares of the sides, where others are in pixels/)
    })))

  it.effect("are told in what form to be written where their field leaves a doubt", () =>
    live(Effect.gen(function*() {
      const corners = { image: "a.png", bbox: [20, 15, 38, 28], label: "cup" }
      const doubt = yield* rows(corners, { image: "b.png", bbox: [1, 2, 3, 4], label: "cup" })
      assert.match(
        doubt.error,
        new RegExp(
          /boxes in "bbox" leave their pictures as \[x, y, width, height\], and fit them otherwise: /.source +
            /write "bbox_format": "xyxy" .* into every row, or "xywh" where they are right/.source
        )
      )
      const said = yield* rows({ ...corners, bbox_format: "xyxy" })
      assert.deepStrictEqual(said.train.truths, [["a.png", [["cup", 20, 15, 18, 13]]]])
      const right = yield* rows({ ...corners, bbox_format: "coco" })
      assert.deepStrictEqual(right.train.truths, [["a.png", [["cup", 20, 15, 20, 15]]]], "clipped, as was said")
      assert.match(
        (yield* rows({ ...corners, bbox_format: "odd" })).error,
        /"bbox_format" is "odd", expected one of "xywh"/
      )
      const thousandths = { image: "a.png", bbox_2d: [500, 500, 750, 1000], label: "cup" }
      assert.match((yield* rows(thousandths)).error, /write "bbox_format": "thousandths"/)
      const centres = { image: "a.png", bbox: [0.5, 0.5, 0.75, 0.75], label: "cup" }
      assert.match((yield* rows(centres)).error, /"xyxy" .* or "cxcywh"/)
      const yolo = yield* rows({ ...centres, bbox_format: "yolo" })
      assert.deepStrictEqual(yolo.train.truths, [["a.png", [["cup", 5, 3.75, 30, 22.5]]]])
    })))

  it.effect("in pixels of a picture of another size than it is are set aside, before EXIF turns it, too", () =>
    live(Effect.gen(function*() {
      const objects = [{ bbox: [5, 6, 10, 12], label: "cup" }]
      const turned = yield* Effect.promise(() =>
        sharp({ create: { width: 30, height: 40, channels: 3, background: "red" } })
          .withMetadata({ orientation: 6 }).jpeg().toBuffer()
      )
      const root = yield* folder({
        ...abc,
        "t.jpg": turned,
        "u.jpg": turned,
        "data.jsonl": lines(
          { image: "a.png", width: 80, height: 60, objects },
          { image: "b.png", width: "40", height: 30, objects },
          { image: "c.png", Width: 30, Height: 40, objects },
          { image: "t.jpg", width: 30, height: 40, objects },
          { image: "u.jpg", width: 40, height: 30, objects }
        )
      })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual(found.train.rows, [1, 3, 4].map((row) => [row, "size-mismatch"]))
      assert.match(found.train.details[2] ?? "", /40 × 30, stated as 30 × 40, the sides of the file before its EXIF/)
      assert.deepStrictEqual(found.train.details[0], "the picture is 40 × 30, stated as 80 × 60")
      const read = [["cup", 5, 6, 10, 12]]
      assert.deepStrictEqual(found.train.truths, [["b.png", read], ["u.jpg", read]])
      // Shares and thousandths are of a picture of any size.
      const shares = [{ bbox: [0.25, 0.5, 0.5, 0.5], label: "cup" }, { box_2d: [500, 250, 1000, 750], label: "cup" }]
      const half = ["cup", 10, 15, 20, 15]
      const free = yield* rows({ image: "a.png", width: 80, height: 60, objects: shares })
      assert.deepStrictEqual(free.train.truths, [["a.png", [half, half]]])
    })))

  it.effect("of which none can be used are an error, where pictures without any are left", () =>
    live(Effect.gen(function*() {
      const empty = { image: "a.png", objects: [] }
      const found = yield* rows(empty, { image: "b.png", objects: [{ bbox: [5, 6, 10, 12] }] })
      assert.match(found.train.error, /not one box is left in its 2 rows: no-label 1\. First, row 2/)
      const none = yield* rows({ image: "b.png", objects: [{ bbox: [5, 6, 10, 12] }] })
      assert.match(none.train.error, /none of its 1 rows is usable: no-label 1/)
    })))

  it.effect("with numbers for labels say how these are named", () =>
    live(Effect.gen(function*() {
      const found = yield* rows({ image: "a.png", objects: { bbox: [[5, 6, 10, 12]], categories: [0] } }, {
        image: "b.png",
        annotations: [{ bbox: [5, 6, 10, 12], category_id: 1 }]
      })
      assert.deepStrictEqual(found.labels, ["0", "1"])
      assert.include(found.notes, "labels are numbers: --labels NAME,… names them, from 0 on")
      const named = yield* rows({ image: "a.png", bbox: [5, 6, 10, 12], label: "cup" })
      assert.notInclude(named.notes, "labels are numbers")
    })))

  it.effect("of a picture may be spread over rows; a row that cannot be read sets all of them aside", () =>
    live(Effect.gen(function*() {
      const found = yield* rows(
        { image: "a.png", bbox: [5, 6, 10, 12], label: "cup" },
        { image: "b.png", bbox: [1, 1, 2, 2], label: "cup" },
        { image: "a.png", bbox: [20, 6, 10, 12], label: "hat" },
        { image: "b.png", bbox: [1, 1, 2], label: "cup" },
        { image: "c.png", bbox: [1, 1, 2, 2] }
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [["cup", 5, 6, 10, 12], ["hat", 20, 6, 10, 12]]]])
      assert.deepStrictEqual(found.train.rows, [[2, "bad-annotation"], [5, "no-label"]])
      assert.match(found.train.details[0]!, /row 4: "bbox" is \[1,1,2\]/)
    })))

  it.effect("beside labels, without labels, or all empty", () =>
    live(Effect.gen(function*() {
      const mixed = yield* rows(
        { image: "a.png", objects: [{ bbox: [5, 6, 10, 12], label: "cup" }] },
        { image: "b.png", label: "cup" }
      )
      assert.deepStrictEqual([mixed.kind, mixed.train.rows], ["boxes", [[2, "other-kind"]]])
      const empty = yield* rows({ image: "a.png", objects: [] }, { image: "b.png", objects: [] })
      assert.match(empty.error, /its boxes are empty: every picture would be taught as one with nothing in it/)
      const counts = yield* rows({ image: "a.png", boxes: [[1, 1, 2, 2], [3, 3, 2, 2]], labels: ["cup"] })
      assert.match(counts.error, /2 boxes in "boxes" beside 1 labels/)
      const hinted = yield* Effect.flatMap(
        folder({
          ...abc,
          "data.jsonl": lines({ image: "a.png", objects: [{ bbox: [5, 6, 10, 12], label: 1 }] }, {
            image: "b.png",
            objects: [{ bbox: [5, 6, 10, 12], label: 2 }]
          })
        }),
        (root) => opened(layout, root, ["cup", "hat"])
      )
      assert.match(hinted.error, /name what 0 is too/)
    })))
})

describe("hostile JSON rows", () => {
  it.effect("end in samples or reasons, soon", () =>
    live(Effect.gen(function*() {
      const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000)
      const huge = "x".repeat(2 ** 20)
      const found = yield* rows(
        { image: "a.png", label: "sun" },
        `{"image": "b.png", "label": ${deep("[", "]")}}`,
        `{"image": ${deep("{\"a\":", "}").replace(":}", ":1}")}, "label": "sun"}`,
        `{"image": "b.png", "objects": [${deep("[", "]")}]}`,
        { image: huge, label: "sun" },
        { image: "b.png", label: huge },
        { image: "b.png", bbox: [1e308, 1e308, 1e308, 1e308], label: "sun" },
        "{\"image\": \"b.png\", \"label\": {\"__proto__\": 1, \"constructor\": 2}}",
        "{\"__proto__\": {\"image\": \"b.png\"}, \"label\": \"sun\"}",
        { image: "b.png\u0000", label: "sun" },
        { image: 7, label: true },
        "[".repeat(100_000)
      )
      assert.strictEqual(found.error, "")
      assert.deepStrictEqual(found.train.truths[0], ["a.png", found.labels.map((label) => Number(label === "sun"))])
      assert.strictEqual(found.train.rows.length + found.train.truths.length, 12)
      assert.isTrue(found.train.details.every((detail) => detail.length < 2 ** 20 + 200))
    })))
})
