/** What exporters write in their own way: read as meant, or named. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { CocoInstances, Layouts } from "../../src/data/index.ts"
import { collect, folder, live } from "./folders.ts"

const coco = (attributes: unknown) =>
  JSON.stringify({
    images: [{ id: 1, file_name: "a.png", width: 100, height: 100 }],
    categories: [{ id: 1, name: "cup" }],
    annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [40, 30, 20, 40], segmentation: [], attributes }]
  })

describe("spellings", () => {
  it.effect("of CVAT: a box that is turned is the upright one around it", () =>
    live(Effect.gen(function*() {
      const boxOf = (attributes: unknown) =>
        Effect.gen(function*() {
          const root = yield* folder({ "a.png": [100, 100], "c.json": coco(attributes) })
          const { rows, samples } = yield* collect(CocoInstances.read(`${root}/c.json`, { pictures: root }))
          return { rows, box: samples[0]?.truth.instances[0]?.box.map((side) => Math.round(side * 100) / 100) }
        })
      assert.deepStrictEqual((yield* boxOf({ occluded: false, rotation: 0 })).box, (yield* boxOf({})).box)
      const upright = (yield* boxOf({})).box ?? []
      const quarter = (yield* boxOf({ rotation: 90 })).box ?? []
      // About the same middle, with its sides exchanged.
      assert.deepStrictEqual([upright, quarter], [[40, 30, 20, 40], [30, 40, 40, 20]])
      const eighth = (yield* boxOf({ rotation: "45" })).box ?? []
      assert.deepStrictEqual(eighth, [28.79, 28.79, 42.43, 42.43])
      assert.deepStrictEqual((yield* boxOf({ rotation: "left" })).rows[0]?.[1], "bad-annotation")
    })))

  it.effect("of JSON keys: large letters are read as small ones", () =>
    live(Effect.gen(function*() {
      const rows = ["sun", "rain"].map((Label, i) => JSON.stringify({ Image: `${i}.png`, Label }))
      const root = yield* folder({ "0.png": [8, 8], "1.png": [8, 9], "data.jsonl": rows.join("\n") })
      const found = yield* Layouts.find(root)
      assert.deepStrictEqual([found.layout, found.labels], ["JSON rows", ["rain", "sun"]])
    })))

  it.effect("of CreateML are named, with what to export", () =>
    live(Effect.gen(function*() {
      const annotations = [{ label: "cup", coordinates: { x: 4, y: 4, width: 2, height: 2 } }]
      const root = yield* folder({ "0.png": [8, 8], "labels.json": JSON.stringify([{ image: "0.png", annotations }]) })
      assert.match((yield* Effect.flip(Layouts.find(root))).message, /it looks like CreateML, .* export it as COCO/)
    })))

  it.effect("of names: a file that differs in the size of its letters is named", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "A.PNG": [8, 8],
        "b.png": [8, 9],
        "labels.csv": "image,label\na.png,sun\nb.png,rain\n"
      })
      const found = yield* Layouts.find(root)
      assert.strictEqual(found.kind, "classes")
      if (found.kind !== "classes") return
      const { details } = yield* collect(found.train)
      assert.match(details.join(), /no file \S+a\.png; there is "A\.PNG", and large letters are not small ones/)
    })))

  it.effect("of names: a link to nothing is told as one", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* folder({ "sun/a.png": [8, 8], "sun/b.png": [8, 9], "rain/c.png": [9, 8] })
      yield* fs.symlink("../elsewhere.png", `${root}/rain/broken.png`)
      const found = yield* Layouts.find(root)
      if (found.kind !== "classes") return assert.fail(found.kind)
      const { details } = yield* collect(found.train)
      assert.match(
        details.join(),
        /no file \S+broken\.png: it is a link to "\.\.\/elsewhere\.png", where nothing is$/
      )
    })))
})
