/** COCO files where their exporters put them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { layout } from "../../../src/data/layouts/Coco.ts"
import { folder, live } from "../folders.ts"
import { opened } from "./open.ts"

const categories = [{ id: 3, name: "hat", supercategory: "none" }, { id: 7, name: "cup", supercategory: "none" }]

/** An instances file of one picture with one box of this category, as pycocotools reads it. */
const coco = (name: string, category: number, more = {}) =>
  JSON.stringify({
    info: { description: "made for a test", version: "1.0", year: 2024 },
    licenses: [],
    images: [{ id: 1, file_name: name, width: 40, height: 30, license: 1, date_captured: "" }],
    annotations: [{
      id: 1,
      image_id: 1,
      category_id: category,
      bbox: [5, 6, 10, 12],
      area: 120,
      segmentation: [],
      iscrowd: 0
    }],
    categories,
    ...more
  })

const hat = ["hat", 5, 6, 10, 12]
const cup = ["cup", 5, 6, 10, 12]

describe("COCO folders", () => {
  it.effect("of one file, beside its pictures or over a folder of them", () =>
    live(Effect.gen(function*() {
      for (
        const [json, name, picture] of [
          ["instances.json", "a.png", "a.png"],
          ["result.json", "images/a.png", "images/a.png"],
          ["instances.json", "a.png", "images/a.png"],
          ["annotations/instances_default.json", "a.png", "images/a.png"],
          ["annotations/instances_default.json", "a.png", "bilder/a.png"],
          ["instances.json", "a.png", "Meine Fotos/a.png"],
          ["instances.json", "x/a.png", "data/x/a.png"],
          ["annotations/instances_default.json", "a.png", "images/default/a.png"]
        ] as const
      ) {
        const root = yield* folder({ [json]: coco(name, 7), [picture]: [40, 30] })
        for (const at of [root, `${root}/${json}`]) {
          const found = yield* opened(layout, at)
          assert.deepStrictEqual([found.error, found.kind, found.labels], ["", "boxes", ["hat", "cup"]])
          assert.deepStrictEqual(
            found.train.truths.map((truth) => (truth as Array<unknown>)[1]),
            [[cup]],
            json + picture
          )
          assert.strictEqual(found.test.error, "no such half")
        }
      }
    })))

  it.effect("whose pictures are nowhere are an error that says where they were looked for", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "annotations/instances_default.json": coco("a.png", 7),
        "bilder/b.png": [40, 30],
        "images/c.png": [40, 30]
      })
      const { error } = yield* opened(layout, root)
      assert.match(
        error,
        /no picture that it lists is there, such as "a\.png"; looked for in .*"annotations".*"bilder"/
      )
      // Called alike but for large and small letters, which other systems take for one.
      const small = yield* folder({ "instances.json": coco("IMG_0.JPG", 7), "images/img_0.jpg": [40, 30] })
      assert.match(
        (yield* opened(layout, small)).error,
        /such as "IMG_0\.JPG"; there is "img_0\.jpg", and large letters are not small ones; looked for .*as they are/
      )
      // Of many listed pictures a few are there.
      const images = Array.from({ length: 500 }, (_, id) => ({ id, file_name: `${id}.png`, width: 40, height: 30 }))
      const annotations = [{ id: 1, image_id: 333, category_id: 7, bbox: [5, 6, 10, 12] }]
      const json = coco("", 7, { images, annotations })
      const few = yield* opened(layout, yield* folder({ "instances.json": json, "333.png": [40, 30] }))
      assert.deepStrictEqual([few.error, few.train.truths, few.train.rows.length], ["", [["333.png", [cup]]], 499])
    })))

  it.effect("in halves: Roboflow's, COCO's own", () =>
    live(Effect.gen(function*() {
      const roboflow = yield* folder({
        "README.roboflow.txt": "",
        "train/_annotations.coco.json": coco("a.png", 7),
        "train/a.png": [40, 30],
        "valid/_annotations.coco.json": coco("a.png", 3),
        "valid/a.png": [40, 30]
      })
      const two = yield* opened(layout, roboflow)
      assert.deepStrictEqual([two.train.truths, two.test.truths], [[["train/a.png", [cup]]], [["valid/a.png", [hat]]]])
      const own = yield* folder({
        "annotations/instances_train2017.json": coco("a.png", 7),
        "annotations/instances_val2017.json": coco("b.png", 3),
        "annotations/captions_train2017.json": coco("a.png", 7),
        "annotations/person_keypoints_train2017.json": coco("a.png", 7),
        "train2017/a.png": [40, 30],
        "val2017/b.png": [40, 30]
      })
      const whole = yield* opened(layout, own)
      assert.deepStrictEqual([whole.train.truths, whole.test.truths], [[["train2017/a.png", [cup]]], [[
        "val2017/b.png",
        [hat]
      ]]])
      assert.match(whole.notes, /instances_train2017.json: COCO, pictures in train2017/)
      assert.match(whole.notes, /not used: "annotations\/captions_train2017.json"/)
      const alone = yield* opened(layout, `${own}/annotations/instances_val2017.json`)
      assert.deepStrictEqual(alone.train.truths, [["val2017/b.png", [hat]]])
    })))

  it.effect("with labels that are asked for", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "a.png": [40, 30],
        "b.png": [40, 30],
        "instances.json": coco("a.png", 7, {
          images: [{ id: 1, file_name: "a.png" }, { id: 2, file_name: "b.png" }],
          annotations: [{ image_id: 1, category_id: 7, bbox: [5, 6, 10, 12] }, {
            image_id: 2,
            category_id: 3,
            bbox: [5, 6, 10, 12]
          }]
        })
      })
      const found = yield* opened(layout, root, ["cup", "dog"])
      assert.deepStrictEqual([found.labels, found.train.truths], [["cup", "dog"], [["a.png", [cup]]]])
      assert.deepStrictEqual(found.train.rows, [[2, "unknown-label"]])
      assert.match(found.train.details[0]!, /b.png: "hat", expected one of "cup", "dog"/)
    })))

  it.effect("without any box are labels of pictures, which is said", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "images/a.png": [40, 30],
        "images/b.png": [40, 30],
        "images/c.png": [40, 30],
        "labels.json": coco("a.png", 7, {
          images: ["a", "b", "c"].map((name, i) => ({ id: i, file_name: `${name}.png` })),
          annotations: [
            { id: 1, image_id: 0, category_id: 7, bbox: [] },
            { id: 2, image_id: "1", category_id: 3 },
            { id: 3, image_id: "1", category_id: 7, segmentation: [] }
          ]
        })
      })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual([found.error, found.kind, found.labels], ["", "classes", ["hat", "cup"]])
      assert.deepStrictEqual(found.train.truths, [["images/a.png", [0, 1]], ["images/b.png", [0.5, 0.5]]])
      assert.deepStrictEqual(found.train.rows, [[3, "no-label"]])
      assert.match(found.notes, /no boxes in its annotations: their categories are read as labels/)
    })))

  it.effect("find the few pictures that are there of a long list, in whatever folder beside the file", () =>
    live(Effect.gen(function*() {
      const images = Array.from({ length: 500 }, (_, id) => ({ id, file_name: `${id}.png`, width: 4, height: 4 }))
      const root = yield* folder({
        "instances.json": JSON.stringify({
          images,
          annotations: images.map(({ id }) => ({ id, image_id: id, category_id: 1, bbox: [0, 0, 2, 2], iscrowd: 0 })),
          categories: [{ id: 1, name: "cup" }]
        }),
        "bilder/499.png": [4, 4]
      })
      const found = yield* opened(layout, root)
      assert.strictEqual(found.error, "")
      assert.deepStrictEqual(found.train.truths, [["bilder/499.png", [["cup", 0, 0, 2, 2]]]])
      assert.strictEqual(found.train.rows.length, 499)
    })))

  it.effect("that are none are left to others, or an error", () =>
    live(Effect.gen(function*() {
      assert.isTrue((yield* opened(layout, yield* folder({ "data.json": "[{\"image\": \"a.png\"}]" }))).unknown)
      const bare = yield* folder({ "instances.json": "{\"images\": [], \"categories\": []}" })
      assert.match((yield* opened(layout, bare)).error, /it has no "annotations"/)
      const outside = yield* folder({ "instances.json": coco("../../etc/passwd", 7), "a.png": [4, 4] })
      assert.match((yield* opened(layout, outside)).train.error, /outside-folder/)
    })))

  const cases = fileURLToPath(new URL("../../../../shared/cases", import.meta.url))
  it.effect("of exporters keep their boxes", ({ skip }) => {
    skip(!existsSync(cases), "the cases are not beside this checkout (../shared/cases)")
    return live(Effect.gen(function*() {
      for (const name of readdirSync(cases).filter((name) => name.startsWith("coco-"))) {
        const found = yield* opened(layout, `${cases}/${name}`)
        assert.deepStrictEqual([found.error, found.train.error, found.train.rows], ["", "", []], name)
        assert.isAbove(found.train.truths.length, 0)
      }
    }))
  })

  it.effect("with crowds set aside pictures of nothing else, and say how many crowds are not asked for", () =>
    live(Effect.gen(function*() {
      const box = { image_id: 1, category_id: 7, bbox: [5, 6, 10, 12] }
      const more = {
        images: [{ id: 1, file_name: "a.png" }, { id: 2, file_name: "b.png" }],
        annotations: [box, { ...box, iscrowd: true, ignore: "1" }, { ...box, image_id: 2, iscrowd: 1 }]
      }
      const root = yield* folder({ "instances.json": coco("", 7, more), "a.png": [40, 30], "b.png": [40, 30] })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual(found.train.rows, [[2, "only-crowds"]])
      assert.deepStrictEqual(found.train.truths, [["a.png", [cup, cup]]])
      assert.match(found.notes, /instances\.json: 2 crowds \("iscrowd"\) are not asked for/)
      assert.match(found.notes, /instances\.json: 1 annotation marked "ignore" is read as any other/)
    })))

  it.effect("without boxes set aside annotations of pictures that are not listed", () =>
    live(Effect.gen(function*() {
      const annotations = [[1, 3], [9, 7], [null, 7], [2, 7]].map(([image_id, category_id], id) => ({
        id,
        image_id,
        category_id
      }))
      const images = [{ id: 1, file_name: "a.png" }, { id: 2, file_name: "b.png" }]
      const json = coco("", 7, { images, annotations })
      const root = yield* folder({ "instances.json": json, "a.png": [40, 30], "b.png": [40, 30] })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual([found.kind, found.train.truths], ["classes", [["a.png", [1, 0]], ["b.png", [0, 1]]]])
      assert.deepStrictEqual(found.train.rows, [[2, "unknown-image"], [3, "unknown-image"]])
      assert.deepStrictEqual(found.train.details, ["image 9 is not listed", "image ? is not listed"])
    })))

  it.effect("with boxes as corners or as shares of the sides are refused", () =>
    live(Effect.gen(function*() {
      const pictures = { "a.png": [40, 30], "b.png": [40, 30] } as const
      const found = (listed: boolean, ...boxes: ReadonlyArray<unknown>) =>
        Effect.flatMap(
          folder({
            ...pictures,
            "instances.json": coco("", 7, {
              images: ["a.png", "b.png"].map((file_name, id) => ({
                ...{ id, file_name },
                ...listed && { width: 40, height: 30 }
              })),
              annotations: boxes.map((bbox, i) => ({ id: i, image_id: i % 2, category_id: 7, bbox }))
            })
          }),
          (root) => opened(layout, root)
        )
      for (const listed of [true, false]) {
        const corners = yield* found(listed, [20, 15, 38, 28], [1, 2, 30, 20])
        assert.match(
          corners.train.error,
          /"bbox" leave their pictures as \[x, y, width, height\].* fit them as \[left, top, right, bottom\]: write/
        )
        // Cut at the sides, or one of them no corner: they are what they are said to be.
        const cut = yield* found(listed, [20, 15, 20, 15], [1, 2, 30, 20])
        assert.deepStrictEqual([cut.train.error, cut.train.truths.length], ["", 2])
        const over = yield* found(listed, [20, 15, 38, 28], [20, 10, 15, 5])
        assert.deepStrictEqual(over.train.truths, [["a.png", [["cup", 20, 15, 20, 15]]], ["b.png", [[
          "cup",
          20,
          10,
          15,
          5
        ]]]])
      }
      const shares = yield* found(true, [0.5, 0.5, 0.25, 0.25], [0, 0.1, 1, 0.5])
      assert.match(
        shares.train.error,
        /bad-annotation 2.*\[0.5,0.5,0.25,0.25\], in shares of the sides: expected pixels/
      )
      const some = yield* found(true, [0.5, 0.5, 0.25, 0.25], [0, 0, 1, 1])
      assert.deepStrictEqual(some.train.rows, [[1, "bad-annotation"]])
      assert.deepStrictEqual(some.train.truths, [["b.png", [["cup", 0, 0, 1, 1]]]], "a pixel")
    })))

  it.effect("with marks in capitals are read as with others", () =>
    live(Effect.gen(function*() {
      const box = { image_id: 1, category_id: 7, bbox: [5, 6, 10, 12] }
      const more = {
        images: [{ id: 1, file_name: "a.png" }, { id: 2, file_name: "b.png" }],
        annotations: [box, { ...box, isCrowd: true, IsGroupOf: 1 }, { ...box, image_id: 2, IsCrowd: "true" }]
      }
      const root = yield* folder({ "instances.json": coco("", 7, more), "a.png": [40, 30], "b.png": [40, 30] })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual(found.train.rows, [[2, "only-crowds"]])
      assert.match(found.notes, /2 crowds \("iscrowd"\) are not asked for/)
      assert.match(found.notes, /1 annotation marked "IsGroupOf" is read as any other/)
    })))
})
