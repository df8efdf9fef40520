import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import sharp from "sharp"
import { CocoInstances } from "../../src/data/index.ts"
import { Box, BoxTruth } from "../../src/tasks/detection/index.ts"
import { bomb, collect, folder, live, warned } from "./folders.ts"

interface Parts {
  readonly images?: unknown
  readonly annotations?: unknown
  readonly categories?: unknown
}

const coco = (parts: Parts) =>
  JSON.stringify({
    images: [],
    annotations: [],
    categories: [{ id: 3, name: "cup" }, { id: 7, name: "hat" }],
    ...parts
  })
const image = (id: unknown, file_name: string, width: unknown = 20, height: unknown = 10) => ({
  id,
  file_name,
  width,
  height
})
const box = (image_id: unknown, category_id: unknown, bbox: unknown = [1, 2, 5, 6], iscrowd: unknown = 0) => ({
  image_id,
  category_id,
  bbox,
  iscrowd
})

/** What a file of pictures a.png, b.png and c.png of 20 × 10, if it lists no others, is read as. */
const reading = Effect.fnUntraced(function*(parts: Parts) {
  const root = yield* folder({
    "a.png": [20, 10],
    "b.png": [20, 10],
    "c.png": [20, 10],
    "instances.json": coco({ images: [image(1, "a.png"), image(2, "b.png"), image(3, "c.png")], ...parts })
  })
  const { details, error, rows, samples } = yield* collect(CocoInstances.read(`${root}/instances.json`))
  return {
    things: samples.map(({ image: { id }, truth }) =>
      [
        id,
        ...truth.instances.map(({ box, crowd, label }) =>
          [label, ...box, ...(crowd === true ? ["crowd"] : [])].join(" ")
        )
      ].join(": ")
    ),
    rows: rows.map(([row, reason], i) => `${row} ${reason}: ${details[i]}`),
    error: error.slice(root.length + 1),
    labels: yield* CocoInstances.labels(`${root}/instances.json`)
  }
})

/** The first picture as one annotation makes it, beside a good second one; why it is set aside. */
const first = (annotation: unknown) =>
  Effect.map(
    reading({ annotations: [annotation, box(2, 7)] }),
    ({ rows, things }) => things.length === 3 ? things[0]! : rows.join("; ")
  )

describe("CocoInstances", () => {
  it.effect("a picture listed under several ids is set aside: it would be taught as an empty one too", () =>
    live(Effect.gen(function*() {
      const images = [image(1, "a.png"), image(2, "b.png"), image(9, "./a.png")]
      const { rows, things } = yield* reading({ images, annotations: [box(1, 3), box(2, 7)] })
      assert.deepStrictEqual(things, ["b.png: hat 1 2 5 6"])
      assert.deepStrictEqual(rows.map((row) => row.replace(/^(\d+ \S+: \S+).*images (.*):.*/, "$1 $2")), [
        "1 duplicate-image: a.png 1 and 9",
        "3 duplicate-image: ./a.png 1 and 9"
      ])
    })))

  it.effect("reads pictures with their boxes, crowds marked, empty ones kept; what is wrong is set aside alone", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "a.png": [20, 10],
        "sub/b.png": [20, 10],
        "empty.png": [20, 10],
        "bomb.png": yield* bomb,
        "instances.json": coco({
          images: [
            image(1, "a.png"),
            image(2, "sub/b.png"),
            image(5, "empty.png"),
            image(1, "a.png"),
            image(6, "a.png", 10, 20),
            image(7, "../a.png"),
            image(8, "bomb.png"),
            image(9, "gone.png"),
            { id: 10 }
          ],
          annotations: [
            box(1, 3),
            box(2, 7, [0.5, 0.5, 100, 3]),
            box(1, 7, [0, 0, 20, 10], 1),
            box(1, 3, [1, 2, 0, 6]),
            box(99, 3)
          ]
        })
      })
      const data = CocoInstances.read(`${root}/instances.json`)
      const { error, rows, samples } = yield* collect(data)
      assert.strictEqual(error, "")
      assert.deepStrictEqual(samples.map(({ image: { id }, truth }) => [id, truth.instances]), [
        ["a.png", [{ box: [1, 2, 5, 6], label: "cup" }, { box: [0, 0, 20, 10], label: "hat", crowd: true }]],
        ["sub/b.png", [{ box: [0.5, 0.5, 19.5, 3], label: "hat" }]],
        ["empty.png", []]
      ])
      assert.deepStrictEqual(rows, [
        [4, "degenerate-box"],
        [5, "unknown-image"],
        [4, "duplicate-image"],
        [5, "size-mismatch"],
        [6, "outside-folder"],
        [7, "too-many-pixels"],
        [8, "missing-file"],
        [9, "bad-image-entry"]
      ])
      assert.deepStrictEqual((yield* collect(data)).samples, samples)
      assert.deepStrictEqual(yield* CocoInstances.labels(`${root}/instances.json`), ["cup", "hat"])
      const thousandths = yield* collect(data.pipe(BoxTruth.inFrame(() => Box.thousandths)))
      assert.deepStrictEqual(thousandths.samples[0]!.truth[0], {
        box: Box.make("thousandths", [50, 200, 250, 600]),
        label: "cup"
      })
      const resized = yield* collect(
        data.pipe(BoxTruth.inFrame(({ height, width }) => Box.resized({ width: 2 * width, height: 3 * height })))
      )
      assert.deepStrictEqual([...resized.samples[0]!.truth[0]!.box], [2, 6, 10, 18])
    })))

  it.effect("sets aside a picture of crowds alone, which is not empty, and tells once of crowds and flags", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...Object.fromEntries(["a", "b", "c", "d"].map((name) => [`${name}.png`, [20, 10]] as const)),
        "instances.json": coco({
          images: ["a", "b", "c", "d"].map((name, i) => image(i, `${name}.png`)),
          annotations: [
            box(0, 3, [1, 2, 5, 6], true),
            box(1, 3, [1, 2, 5, 6], 1),
            box(1, 7, [1, 2, 5, 6], 1),
            box(2, 3, [1, 2, 5, 6], 1),
            { ...box(2, 7), difficult: 1, ignore: 0 }
          ]
        })
      })
      const data = CocoInstances.read(`${root}/instances.json`)
      const { lines, value } = yield* warned(Effect.all([collect(data), collect(data)]))
      for (const { details, ids, rows, samples } of value) {
        assert.deepStrictEqual(ids, ["c.png", "d.png"])
        assert.deepStrictEqual(samples.map(({ truth }) => truth.instances.length), [2, 0])
        assert.deepStrictEqual(rows, [[1, "only-crowds"], [2, "only-crowds"]])
        assert.match(
          details[0]!,
          /^a\.png: its only annotation is a crowd, so that there is no box to ask for.*box the/
        )
        assert.match(details[1]!, /^b\.png: all of its 2 annotations are crowds/)
      }
      assert.deepStrictEqual(lines, [
        `${root}/instances.json: 4 crowds ("iscrowd") are not asked for; pictures with nothing else in them are set ` +
        "aside",
        `${root}/instances.json: 1 annotation marked "difficult" is read as any other: take it out, or mark it ` +
        "\"iscrowd\" where nothing is to be asked for"
      ])
      const alone = yield* reading({ annotations: [box(1, 3, [1, 2, 5, 6], 1)] })
      assert.match(alone.error, /none of its 1 pictures with annotations is usable: only-crowds 1/)
    })))

  it.effect("reads iscrowd as exporters write it", () =>
    live(Effect.gen(function*() {
      for (const no of [false, null, undefined, 0, "0", "false", "False", ""]) {
        assert.strictEqual(
          yield* first({
            image_id: 1,
            category_id: 3,
            bbox: [1, 2, 5, 6],
            ...(no === undefined ? {} : { iscrowd: no })
          }),
          "a.png: cup 1 2 5 6",
          String(no)
        )
      }
      for (const yes of [true, 1, "1", "true", "True"]) {
        const { things } = yield* reading({ annotations: [box(1, 7), box(1, 3, [1, 2, 5, 6], yes)] })
        assert.strictEqual(things[0], "a.png: hat 1 2 5 6: cup 1 2 5 6 crowd", String(yes))
      }
      for (const wrong of [2, -1, "maybe", [], {}]) {
        assert.match(
          yield* first(box(1, 3, [1, 2, 5, 6], wrong)),
          /^1 bad-annotation: a\.png: annotation 1: "iscrowd" is /,
          String(wrong)
        )
      }
    })))

  it.effect("compares ids as text: of images, annotations and categories", () =>
    live(Effect.gen(function*() {
      for (const id of [1, "1", " 1 ", "1.0"]) {
        assert.strictEqual(yield* first(box(id, 3)), "a.png: cup 1 2 5 6", String(id))
      }
      for (const id of [3, "3", "3.0"]) {
        assert.strictEqual(yield* first(box(1, id)), "a.png: cup 1 2 5 6", String(id))
      }
      const named = yield* reading({
        images: [image("a3f", "a.png"), image("2", "b.png"), image("007", "c.png")],
        annotations: [box("a3f", "hat"), box(2, 1), box("007", "1")],
        categories: [{ id: "hat", name: "hat" }, { id: "1", name: "cup" }]
      })
      assert.deepStrictEqual(named.things, ["a.png: hat 1 2 5 6", "b.png: cup 1 2 5 6", "c.png: cup 1 2 5 6"])
      assert.match(yield* first(box(1, 99)), /^1 unknown-category: a\.png: annotation 1: category 99 is not listed/)
      assert.match(yield* first(box(1, null)), /^1 bad-annotation: a\.png: annotation 1: "category_id" is null/)
    })))

  it.effect("takes a box from a list, an object or a segmentation", () =>
    live(Effect.gen(function*() {
      const good = "a.png: cup 1 2 5 6"
      for (
        const bbox of [[1, 2, 5, 6], ["1", "2.0", "5", "6"], { x: 1, y: 2, width: 5, height: 6 }, {
          x: "1",
          y: 2,
          w: 5,
          h: 6
        }, { left: 1, top: 2, width: 5, height: 6 }]
      ) {
        assert.strictEqual(yield* first(box(1, 3, bbox)), good, JSON.stringify(bbox))
      }
      const polygon = [[1, 2, 6, 2, 6, 8, 1, 8]]
      for (const bbox of [undefined, null, [], [0, 0, 0, 0]]) {
        assert.strictEqual(
          yield* first({
            ...box(1, 3, bbox),
            ...(bbox === undefined ? { bbox: undefined } : {}),
            segmentation: polygon
          }),
          good,
          JSON.stringify(bbox)
        )
      }
      // Ones in rows 2 to 7 of columns 1 to 5.
      const runs = [12, 6, 4, 6, 4, 6, 4, 6, 4, 6, 142]
      assert.strictEqual(
        yield* first({ image_id: 1, category_id: 3, segmentation: { counts: runs, size: [10, 20] } }),
        good
      )
      assert.match(
        yield* first({ image_id: 1, category_id: 3, segmentation: { counts: [0, 200], size: [20, 10] } }),
        /^1 size-mismatch: a\.png: annotation 1: a mask of 10 × 20 in a picture of 20 × 10/
      )
    })))

  it.effect("sets a picture aside that lost an annotation, with the reason, and keeps the others", () =>
    live(Effect.gen(function*() {
      for (
        const [bbox, reason] of [
          [[1, 2, 5], "bad-annotation: a.png: annotation 1: \"bbox\" is [1,2,5], expected [x, y, width, height]"],
          [
            [1, 2, 5, 6, 7],
            "bad-annotation: a.png: annotation 1: \"bbox\" is [1,2,5,6,7], expected [x, y, width, height]"
          ],
          [
            [1, 2, -5, 6],
            "bad-annotation: a.png: annotation 1: \"bbox\" is [1,2,-5,6], expected [x, y, width, height]"
          ],
          ["1 2 3 4", "bad-annotation: a.png: annotation 1: \"bbox\" is \"1 2 3 4\", expected [x, y, width, height]"],
          [
            { x: 1, y: 2 },
            "bad-annotation: a.png: annotation 1: \"bbox\" is {\"x\":1,\"y\":2}, expected [x, y, width, height]"
          ],
          [null, "no-box: a.png: annotation 1: neither a \"bbox\" nor a \"segmentation\""],
          [[30, 2, 5, 6], "outside-image: a.png: annotation 1: box [30, 2, 5, 6] in a picture of 20 × 10"],
          [[1, 2, 0, 6], "degenerate-box: a.png: annotation 1: its box [1, 2, 0, 6] has no area"]
        ] as const
      ) assert.strictEqual(yield* first(box(1, 3, bbox)), `1 ${reason}`)
      const { rows, things } = yield* reading({
        annotations: [box(1, 3), box(2, 3), box(1, 3, "?"), box(1, 99), box(1, 3, [1, 1, 0, 0])]
      })
      assert.deepStrictEqual(things, ["b.png: cup 1 2 5 6", "c.png"])
      assert.deepStrictEqual(rows, [
        "1 bad-annotation: a.png: annotation 3: \"bbox\" is \"?\", expected [x, y, width, height], and 2 more " +
        "of its 4 annotations"
      ])
    })))

  it.effect("counts annotations of no picture, and boxes without area beside others", () =>
    live(Effect.gen(function*() {
      const { rows, things } = yield* reading({
        annotations: [box(1, 3), box(1, 3, [4, 4, 0, 2]), box(77, 3), box(null, 3), "x"]
      })
      assert.deepStrictEqual(things, ["a.png: cup 1 2 5 6", "b.png", "c.png"])
      assert.deepStrictEqual(rows, [
        "2 degenerate-box: its box [4, 4, 0, 2] has no area",
        "3 unknown-image: image 77 is not listed",
        "4 bad-annotation: \"image_id\" is null, expected the id of an image",
        "5 bad-annotation: \"x\", expected an object"
      ])
    })))

  it.effect("fails where annotations are lost as a whole, with count and first reason", () =>
    live(Effect.gen(function*() {
      const lost = yield* reading({ annotations: [box(1, 3, "?"), box(2, 3, "?"), box(9, 3)] })
      assert.deepStrictEqual(lost.things, [])
      assert.strictEqual(
        lost.error,
        "instances.json#annotations: none of its 3 annotations is usable: bad-annotation 2, unknown-image 1. " +
          "First, annotation 1: bad-annotation: \"bbox\" is \"?\", expected [x, y, width, height]"
      )
      // Every picture lost one: the empty picture that is left would be all there is.
      const each = yield* reading({ annotations: [box(1, 3), box(1, 3, "?"), box(2, 3), box(2, 3, [50, 50, 5, 5])] })
      assert.strictEqual(
        each.error,
        "instances.json#images: none of its 2 pictures with annotations is usable: bad-annotation 1, " +
          "outside-image 1. " +
          "First, image 1: bad-annotation: a.png: annotation 2: \"bbox\" is \"?\", expected [x, y, width, height]"
      )
      assert.match(
        (yield* reading({ annotations: [] })).error,
        /^instances\.json: its "annotations" are empty: every picture would be taught as one with nothing in it/
      )
      assert.match(
        (yield* Effect.flip(
          Effect.flatMap(
            folder({ "i.json": JSON.stringify({ images: [image(1, "a.png")], categories: [] }) }),
            (root) => CocoInstances.labels(`${root}/i.json`)
          )
        )).message,
        /it has no "annotations", and pictures without labels/
      )
    })))

  it.effect("takes sizes from the files where the file lists none", () =>
    live(Effect.gen(function*() {
      for (const [width, height] of [[null, null], [0, 0], ["20", "10.0"], [20, null]]) {
        const { things } = yield* reading({
          images: [image(1, "a.png", width, height)],
          annotations: [box(1, 3, [15, 2, 10, 6])]
        })
        assert.deepStrictEqual(things, ["a.png: cup 15 2 5 6"])
      }
      const { things } = yield* reading({ images: [{ id: 1, file_name: "a.png" }], annotations: [box(1, 3)] })
      assert.deepStrictEqual(things, ["a.png: cup 1 2 5 6"])
      for (const width of [-1, 19.5, "wide", {}]) {
        assert.match(
          (yield* reading({ images: [image(1, "a.png", width)], annotations: [box(1, 3)] })).error,
          /First, image 1: bad-image-entry: "width" is .*, expected pixels/
        )
      }
      assert.match(
        (yield* reading({ images: [image(1, "a.png", 21, null)], annotations: [box(1, 3)] })).error,
        /size-mismatch: a\.png is 20 × 10, listed as 21 × 10/
      )
      // Before EXIF turns it or behind: nobody can tell what its boxes are in.
      const turned = yield* Effect.promise(() =>
        sharp({ create: { width: 10, height: 20, channels: 3, background: "red" } })
          .withMetadata({ orientation: 6 }).jpeg().toBuffer()
      )
      const listed = { images: [image(1, "t.jpg", 10, 20)], annotations: [box(1, 3)] }
      const root = yield* folder({ "t.jpg": turned, "x.json": coco(listed) })
      assert.match(
        (yield* collect(CocoInstances.read(`${root}/x.json`))).error,
        /t\.jpg is 20 × 10, listed as 10 × 20, the sides of the file before its EXIF orientation turns it: whether/
      )
    })))

  it.effect("knows a class by its name, and no group without annotations", () =>
    live(Effect.gen(function*() {
      const roboflow = [{ id: 0, name: "cup", supercategory: "none" }, { id: 1, name: "cup", supercategory: "cup" }, {
        id: 2,
        name: "hat ",
        supercategory: "cup"
      }]
      const { labels, things } = yield* reading({ categories: roboflow, annotations: [box(1, 1), box(2, 2)] })
      assert.deepStrictEqual(labels, ["cup", "hat"])
      assert.deepStrictEqual(things, ["a.png: cup 1 2 5 6", "b.png: hat 1 2 5 6", "c.png"])
      const labelsOf = (categories: unknown, ...annotations: ReadonlyArray<unknown>) =>
        Effect.map(reading({ categories, annotations }), ({ labels }) => labels)
      const grouped = [
        { id: 0, name: "Tools", supercategory: "none" },
        { id: 1, name: "saw", supercategory: "Tools" },
        { id: 2, name: "nail", supercategory: "Tools" }
      ]
      assert.deepStrictEqual(yield* labelsOf(grouped, box(1, 1)), ["saw", "nail"], "a class without pictures is kept")
      assert.deepStrictEqual(
        yield* labelsOf(grouped, box(1, 0)),
        ["Tools", "saw", "nail"],
        "a group that things are labelled with is a class"
      )
      const person = [{ id: 1, name: "person", supercategory: "person" }, {
        id: 2,
        name: "dog",
        supercategory: "animal"
      }]
      assert.deepStrictEqual(yield* labelsOf(person, box(1, 2)), ["person", "dog"])
      // One name under two ids is one class.
      const twice = yield* reading({
        categories: [{ id: 1, name: "cup" }, { id: 2, name: "cup" }, { id: 3, name: 7 }],
        annotations: [box(1, 1), box(2, "2"), box(3, 3)]
      })
      assert.deepStrictEqual(twice.labels, ["cup", "7"])
      assert.deepStrictEqual(twice.things, ["a.png: cup 1 2 5 6", "b.png: cup 1 2 5 6", "c.png: 7 1 2 5 6"])
    })))

  it.effect("sets aside pictures that go by one id: whose the annotations are cannot be told", () =>
    live(Effect.gen(function*() {
      const { rows, things } = yield* reading({
        images: [image(1, "a.png"), image("1", "b.png"), image(3, "c.png")],
        annotations: [box(1, 3), box(3, 7)]
      })
      assert.deepStrictEqual(things, ["c.png: hat 1 2 5 6"])
      assert.deepStrictEqual(
        rows,
        [1, 2].map((row) =>
          `${row} duplicate-image: image 1 is "a.png" and "b.png": whose its annotations are cannot be told`
        )
      )
    })))

  it.effect("says what is wrong with the file as a whole", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "broken.json": "{",
        "list.json": "[]",
        "empty.json": coco({}),
        "twice.json": coco({ categories: [{ id: 1, name: "a" }, { id: "1", name: "b" }] }),
        "nameless.json": coco({ categories: [{ id: 1, name: " " }] }),
        "classless.json": coco({ categories: [] }),
        "odd.json": coco({ images: {} }),
        "none.json": coco({ images: [image(1, "x.png")] })
      })
      const errorOf = (name: string) =>
        Effect.map(collect(CocoInstances.read(`${root}/${name}`)), ({ error }) => error.slice(root.length + 1))
      assert.match(yield* errorOf("gone.json"), /no such file, expected COCO instances/)
      assert.match(yield* errorOf("broken.json"), /not JSON: .*expected COCO instances/)
      assert.match(yield* errorOf("list.json"), /not in the expected form, .*: it is a list/)
      assert.match(yield* errorOf("odd.json"), /not in the expected form, .*: its "images" is no list/)
      assert.match(yield* errorOf("twice.json"), /an id is listed twice: 1 is "a" and "b"/)
      assert.match(yield* errorOf("nameless.json"), /categories: entry 1 is {"id":1,"name":" "}, expected/)
      assert.match(yield* errorOf("classless.json"), /its "categories" are empty/)
      assert.match(yield* errorOf("empty.json"), /no images in it/)
      assert.match(
        yield* errorOf("none.json"),
        /none of its 1 images is usable: missing-file 1\. First, image 1: missing-file: no file .*x\.png/
      )
    })))

  it.effect("reads real photographs where they are at hand", ({ skip }) => {
    const file = fileURLToPath(new URL("../../../shared/data/coco128/instances.json", import.meta.url))
    skip(!existsSync(file), "COCO128 is not beside this checkout (../shared/data/coco128)")
    return live(Effect.gen(function*() {
      const { error, rows, samples } = yield* collect(CocoInstances.read(file))
      assert.strictEqual(error, "")
      assert.strictEqual(samples.length + rows.filter(([, reason]) => reason !== "degenerate-box").length, 128)
      assert.isAtLeast(samples.reduce((sum, { truth }) => sum + truth.instances.length, 0), 900)
    }))
  })
})
