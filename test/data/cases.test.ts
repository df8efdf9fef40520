/** Inputs that users have reported elsewhere, where they are at hand beside this checkout (../shared/cases). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { CocoInstances, CsvManifest, JsonLines, ReasonSeg } from "../../src/data/index.ts"
import * as Sources from "../../src/sources/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { collect, live } from "./folders.ts"

const cases = fileURLToPath(new URL("../../../shared/cases", import.meta.url))
const missing = "the cases are not beside this checkout (../shared/cases)"

describe("cases", () => {
  it.effect("COCO files of exporters keep their boxes", ({ skip }) => {
    skip(!existsSync(cases), missing)
    return live(Effect.gen(function*() {
      for (
        const name of [
          "bbox-dict",
          "iscrowd-bool",
          "iscrowd-null",
          "segm-only",
          "size-absent",
          "string-image-id-ann",
          "roboflow-dup"
        ]
      ) {
        const file = join(cases, `coco-${name}`, "instances.json")
        const { error, rows, samples } = yield* collect(CocoInstances.read(file))
        const label = name === "roboflow-dup" ? "cup" : "dog"
        assert.strictEqual(error, "", name)
        assert.deepStrictEqual(rows, [], name)
        assert.deepStrictEqual(samples.map(({ image, truth }) => [image.id, truth]), [["a.png", {
          width: 40,
          height: 30,
          instances: [{ box: [5, 6, 10, 12], label }]
        }]], name)
        assert.deepStrictEqual(
          yield* CocoInstances.labels(file),
          name === "roboflow-dup" ? ["cup"] : ["cup", "dog"],
          name
        )
      }
      const { rows, samples } = yield* collect(CocoInstances.read(join(cases, "coco-all-lost", "instances.json")))
      assert.deepStrictEqual([samples.length, samples.flatMap(({ truth }) => truth.instances).length, rows.length], [
        20,
        40,
        0
      ])
    }))
  })

  it.effect("tables of votes and percentages are named, noise below zero is a zero", ({ skip }) => {
    skip(!existsSync(cases), missing)
    return live(Effect.gen(function*() {
      const ab = { labels: ["a", "b"] }
      const read = (name: string) => collect(CsvManifest.read(join(cases, name, "train.csv"), ab))
      assert.match(
        (yield* read("csv-votes")).error,
        new RegExp(
          /none of its 2 rows is usable: sum 2\. First, row 2: /.source +
            /.*sum to 10, .*look like votes: \{ values: "votes" \} reads them/.source
        )
      )
      assert.match(
        (yield* read("csv-percent")).error,
        /not-a-number 1, sum 1\. First, row 2: .*a is "30%", .*\{ values: "percentages" \} reads them/
      )
      assert.match((yield* read("csv-percent")).details[1]!, /look like percentages/)
      const as = Effect.fnUntraced(function*(name: string, values: "votes" | "percentages") {
        const { samples } = yield* collect(CsvManifest.read(join(cases, name, "train.csv"), ab, { values }))
        return samples.map(({ truth }) => truth)
      })
      assert.deepStrictEqual(yield* as("csv-votes", "votes"), [[0.3, 0.7], [0, 1]])
      assert.deepStrictEqual(yield* as("csv-percent", "percentages"), [[0.3, 0.7], [0.3, 0.7]])
      const tiny = yield* read("csv-tiny-negative")
      assert.deepStrictEqual(tiny.samples.map(({ truth }) => truth), [[0, 1], [1, 0]])
      const { test } = yield* Sources.softLabels({
        task: Emotion6.task,
        data: Option.some(join(cases, "cli-all-bad")),
        shots: Option.none(),
        seed: 0
      })
      assert.match(
        (yield* collect(test)).error,
        /test\.csv: none of its 3 rows is usable: sum 3\. First, row 2: sum: shares sum to 10, .*votes/
      )
    }))
  })

  it.effect("tables of other delimiters and encodings, with an index, are read", ({ skip }) => {
    skip(!existsSync(cases), missing)
    return live(Effect.gen(function*() {
      const read = Effect.fnUntraced(function*(name: string) {
        const file = join(cases, name, "train.csv")
        const { error, rows, samples } = yield* collect(CsvManifest.read(file, { labels: ["a", "b"] }))
        return [error, rows, samples.map(({ image, truth }) => [image.id, truth])]
      })
      const two = (first: string) => ["", [], [[first, [0.3, 0.7]], ["b.png", [1, 0]]]]
      assert.deepStrictEqual(yield* read("csv-cp1252"), two("café.png"))
      assert.deepStrictEqual(yield* read("csv-index-column"), two("a.png"))
      assert.deepStrictEqual(yield* read("csv-semicolon"), ["", [], [["a.png", [0.3, 0.7]]]])
      assert.deepStrictEqual(yield* read("csv-absolute"), ["", [[2, "outside-folder"]], [["b.png", [1, 0]]]])
    }))
  })

  it.effect("class folders are walked", ({ skip }) => {
    skip(!existsSync(cases), missing)
    return live(Effect.gen(function*() {
      const root = join(cases, "imagenet-nested")
      const options = { embedded: false, seed: 0, shots: Option.none() }
      const { test, train } = yield* Sources.imagenetSub({ ...options, data: Option.some(root) })
      for (const half of [train, test]) {
        const { error, rows, samples } = yield* collect(half)
        assert.deepStrictEqual([error, rows], ["", []])
        assert.isAbove(samples.length, 20)
      }
    }))
  })

  it.effect("JSON lines that are an array are read as one, and a list of one is an image", ({ skip }) => {
    skip(!existsSync(cases), missing)
    return live(Effect.gen(function*() {
      for (const [name, truths] of [["jsonl-array", [1, 2]], ["jsonl-image-list", [1, 1]]] as const) {
        const file = join(cases, name, "data.jsonl")
        const { error, ids, samples } = yield* collect(JsonLines.read(file, { annotation: Schema.Int }))
        assert.deepStrictEqual([error, ids, samples.map(({ truth }) => truth)], ["", ["a.png", "b.png"], truths])
      }
    }))
  })

  it.effect("a rectangle of LabelMe is two corners", ({ skip }) => {
    skip(!existsSync(cases), missing)
    return live(Effect.gen(function*() {
      const { error, samples } = yield* collect(ReasonSeg.read(join(cases, "rs-rectangle")))
      assert.strictEqual(error, "")
      assert.deepStrictEqual(samples.map(({ truth }) => truth.instances), [[{ box: [5, 5, 15, 15] }]])
    }))
  })
})
