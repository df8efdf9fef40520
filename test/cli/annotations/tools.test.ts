/**
 * What is read from other tools and written for them, as those tools understand it: `test/fixtures/tools.py` asked
 * them.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { type Boxed, isBoxes } from "../../../src/cli/annotations/Row.ts"
import * as CocoInstances from "../../../src/data/CocoInstances.ts"
import { layout } from "../../../src/data/layouts/LabelStudio.ts"
import { AveragePrecision, Box } from "../../../src/tasks/detection/index.ts"
import { folder as folderOf, live } from "../../data/folders.ts"
import { opened } from "../../data/layouts/open.ts"
import { boxed, boxes, files, folder, truths } from "../../fixtures/tools.ts"

type Drawn = readonly [label: string, x: number, y: number, width: number, height: number]

const text = (name: string) => readFileSync(`${folder}/${name}`, "utf8")
const said: {
  readonly sha256: Readonly<Record<string, string>>
  readonly shares: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly rectangles: Readonly<Record<string, ReadonlyArray<Drawn>>>
  readonly cvat: Readonly<Record<string, ReadonlyArray<Drawn>>>
  readonly "average precision": Readonly<Record<"ap" | "ap50" | "ap75", number>>
} = JSON.parse(text("tools.json"))

const picture = [640, 480] as const

const drawn = ({ box, label = "" }: Boxed): Drawn => [label, ...box]

/** The same boxes, as near as percents and single precision tell. */
const alike = (found: ReadonlyArray<Drawn>, expected: ReadonlyArray<Drawn>, of: string) => {
  assert.deepStrictEqual(found.map(([label]) => label), expected.map(([label]) => label), of)
  found.forEach(([, ...box], i) =>
    box.forEach((value, k) => assert.closeTo(value, Number(expected[i]?.[k + 1]), 2e-3, `${of}, box ${i}`))
  )
}

const read = (tasks: string, pictures: ReadonlyArray<string>) =>
  Effect.flatMap(
    folderOf({ ...Object.fromEntries(pictures.map((name) => [name, picture])), "project.json": tasks }),
    (root) => opened(layout, root)
  )

describe("what other tools say of our files", () => {
  it.effect("is said of the files as they are written today", () =>
    Effect.gen(function*() {
      const written = yield* files
      assert.deepStrictEqual(Object.keys(said.sha256), Object.keys(written).toSorted())
      for (const [name, content] of Object.entries(written)) {
        assert.strictEqual(text(name), content, name)
        assert.strictEqual(createHash("sha256").update(content).digest("hex"), said.sha256[name], name)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("Label Studio's converter and we read the same votes", () =>
    live(Effect.gen(function*() {
      const { labels, train } = yield* read(text("choices-in.json"), ["a.png", "b.png", "c.png"])
      const expected = Object.entries(said.shares).map(([name, shares]) => [
        name,
        labels.map((label) => shares[label] ?? 0)
      ])
      assert.deepStrictEqual(train.truths, expected)
      assert.strictEqual(expected.length, 3)
    })))

  it.effect("Label Studio's converter and we read the same rectangles", () =>
    live(Effect.gen(function*() {
      const { train } = yield* read(text("boxes-in.json"), Object.keys(said.rectangles))
      const found = train.truths as ReadonlyArray<readonly [string, ReadonlyArray<Drawn>]>
      assert.deepStrictEqual(found.map(([name]) => name), Object.keys(said.rectangles))
      for (const [name, boxes] of found) alike(boxes, said.rectangles[name] ?? [], name)
    })))

  it("CVAT's importer reads the boxes that we wrote, of all pictures with an answer", () => {
    const expected = boxed.flatMap(({ image, value }) => {
      return value === null || !isBoxes(value) ? [] : [[image.replace(/\.\w+$/, ""), value.map(drawn)] as const]
    })
    assert.deepStrictEqual(Object.keys(said.cvat).toSorted(), expected.map(([name]) => name))
    for (const [name, found] of expected) alike(said.cvat[name] ?? [], found, name)
  })

  it("pycocotools measures our results as we do", () => {
    const found = new Map(boxed.map((row) => [row.image, row]))
    const inPixels = ({ box, label, score }: Boxed) => ({
      box: Box.make("absolute", box),
      ...(label === undefined ? {} : { label }),
      ...(score === undefined ? {} : { score })
    })
    const pictures = truths.map(([name, truth]) => {
      const value = found.get(name)?.value ?? null
      return { truth: truth.map(inPixels), predicted: value === null || !isBoxes(value) ? [] : value.map(inPixels) }
    })
    const { ap, at } = Option.getOrThrow(AveragePrecision.evaluate(pictures))
    const expected = said["average precision"]
    assert.isAbove(expected.ap, 0.2)
    assert.closeTo(ap, expected.ap, 1e-12)
    assert.closeTo(at.get(0.5) ?? 0, expected.ap50, 1e-12)
    assert.closeTo(at.get(0.75) ?? 0, expected.ap75, 1e-12)
  })
})

describe("what we wrote, read again by us", () => {
  it.effect("COCO", () =>
    live(Effect.gen(function*() {
      const answered = boxed.flatMap(({ image, value }) =>
        value !== null && isBoxes(value) ? [[image, value]] as const : []
      )
      const root = yield* folderOf({
        ...Object.fromEntries(answered.map(([image]) => [image, picture])),
        "coco.json": text("coco.json")
      })
      const samples = yield* Stream.runCollect(CocoInstances.read(`${root}/coco.json`))
      assert.deepStrictEqual(samples.length, answered.length)
      samples.forEach(({ truth: { instances } }, i) => {
        const [image = "", value = []] = answered[i] ?? []
        alike(instances.map(({ box, label = "" }): Drawn => [label, ...box]), value.map(drawn), image)
      })
    })))

  it.effect("pre-annotations that somebody accepted in Label Studio", () =>
    live(Effect.gen(function*() {
      const tasks: ReadonlyArray<{ readonly data: object; readonly predictions: ReadonlyArray<object> }> = JSON.parse(
        text("boxes.json")
      )
      // Accepted, the results of a prediction are those of an annotation.
      const accepted = tasks.map(({ data, predictions }) => ({ data, annotations: predictions, predictions: [] }))
      const { labels, train } = yield* read(JSON.stringify(accepted), boxed.map(({ image }) => image))
      assert.deepStrictEqual(labels.toSorted(), boxes.labels.toSorted())
      const answers = boxed.filter(({ value }) => value !== null)
      const found = train.truths as ReadonlyArray<readonly [string, ReadonlyArray<Drawn>]>
      assert.deepStrictEqual(found.map(([name]) => name), answers.map(({ image }) => image))
      found.forEach(([name, marked], i) => {
        const value = answers[i]?.value ?? []
        alike(marked, isBoxes(value) ? value.map(drawn) : [], name)
      })
      assert.deepStrictEqual(train.rows.length, 2, "pictures without an answer are tasks without annotations")
    })))
})
