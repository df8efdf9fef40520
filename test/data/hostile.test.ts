/** What a data set may hold that would end a run, or be two where it is one: set aside, or a typed error. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, Option, type Path, Schema } from "effect"
import { CocoInstances, CsvManifest, Emotion6Folder, JsonLines, Parquet, ReasonSeg } from "../../src/data/index.ts"
import { find } from "../../src/data/layouts/index.ts"
import type { Dataset } from "../../src/dsl/Dataset.ts"
import * as Source from "../../src/sources/Source.ts"
import { collect, folder, live } from "./folders.ts"
import { parquet } from "./parquet/file.ts"
import { sound } from "./parquet/lies.ts"

type Set = Dataset<unknown, { readonly message: string }, FileSystem.FileSystem | Path.Path>

const coco = (names: ReadonlyArray<string>) =>
  JSON.stringify({
    images: names.map((file_name, id) => ({ id, file_name })),
    annotations: names.map((_, image_id) => ({ image_id, category_id: 1, bbox: [0, 0, 1, 1] })),
    categories: [{ id: 1, name: "cup" }]
  })
const lines = (names: ReadonlyArray<string>, field: string, value: unknown) =>
  names.map((image) => `${JSON.stringify({ image, [field]: value })}\n`).join("")

/** Every reader, on files that name these pictures. */
const readers: ReadonlyArray<
  readonly [
    name: string,
    files: (names: ReadonlyArray<string>) => Readonly<Record<string, string>>,
    read: (root: string) => Set
  ]
> = [
  [
    "CsvManifest",
    (names) => ({ "x.csv": `image,sun,rain\n${names.map((name) => `${name},1,0\n`).join("")}` }),
    (root) => CsvManifest.read(`${root}/x.csv`, { labels: ["sun", "rain"] })
  ],
  [
    "Emotion6Folder",
    (names) => ({
      "ground_truth.txt": `[image_filename]\t[prob. joy]\t[prob. fear]\n${
        names.map((name) => `${name}\t1\t0\n`).join("")
      }`
    }),
    (root) => Emotion6Folder.read(root, { labels: ["joy", "fear"] })
  ],
  [
    "JsonLines",
    (names) => ({ "x.jsonl": lines(names, "annotation", 1) }),
    (root) => JsonLines.read(`${root}/x.jsonl`, { annotation: Schema.Int })
  ],
  ["CocoInstances", (names) => ({ "x.json": coco(names) }), (root) => CocoInstances.read(`${root}/x.json`)]
]

describe("pictures of data sets", () => {
  it.effect("an elongated one is set aside by every reader, and the others are read", () =>
    live(Effect.gen(function*() {
      for (const [name, files, read] of readers) {
        const root = yield* folder({ ...files(["a.png", "thin.png"]), "a.png": [8, 8], "thin.png": [2, 900] })
        // A manifest alone does not open its pictures: a source does, before it trains.
        const set: Set = name === "CsvManifest" ? Source.verified(name, read(root)) : read(root)
        const { error, ids, rows } = yield* collect(set)
        assert.deepStrictEqual([error, ids], ["", ["a.png"]], name)
        assert.deepStrictEqual(rows, [[
          name === "CsvManifest" ? 2 : name === "Emotion6Folder" ? 3 : rows[0]?.[0] ?? 0,
          name === "CsvManifest" ? "unreadable-image" : "too-elongated"
        ]], name)
      }
      const root = yield* folder({
        "a.png": [8, 8],
        "a.json": JSON.stringify({ text: "?", shapes: [{ label: "x", points: [[1, 1], [5, 1], [5, 5]] }] }),
        "thin.png": [900, 2],
        "thin.json": JSON.stringify({ text: "?", shapes: [{ label: "x", points: [[1, 0], [5, 0], [5, 1]] }] })
      })
      const { ids, rows } = yield* collect(ReasonSeg.read(root))
      assert.deepStrictEqual([ids, rows], [["a.png#0"], [[2, "too-elongated"]]])
    })))

  it.effect("one under several spellings is one picture", () =>
    live(Effect.gen(function*() {
      const composed = "caf\u00e9.png"
      const spellings = ["a.png", "./a.png", ".//a.png", "x/../a.png", composed, "cafe\u0301.png", "./cafe\u0301.png"]
      for (const [name, files, read] of readers) {
        // The disk has the accent apart, as macOS writes it.
        const root = yield* folder({ ...files(spellings), "a.png": [8, 8], ["cafe\u0301.png"]: [8, 8] })
        const { error, ids } = yield* collect(read(root))
        const expected = name === "JsonLines"
          ? ["a.png", "a.png#2", "a.png#3", "a.png#4", composed, `${composed}#6`, `${composed}#7`]
          : name === "CocoInstances"
          ? []
          : ["a.png", composed]
        assert.deepStrictEqual(ids, expected, name)
        assert.strictEqual(error === "", name !== "CocoInstances")
        // Listed under several ids, which of their annotations hold cannot be told.
        if (name === "CocoInstances") assert.match(error, /duplicate-image 7/)
      }
      const table = yield* folder({
        "x.csv": `image,label\n${spellings.map((file, i) => `${file},${i < 4 ? "sun" : "rain"}\n`).join("")}`,
        "a.png": [8, 8],
        ["cafe\u0301.png"]: [8, 8]
      })
      const found = yield* find(table, { labels: Option.none() })
      const { ids } = yield* collect(found.train as Set)
      assert.deepStrictEqual(ids, ["a.png", composed])
    })))
})

describe("JSON of data sets", () => {
  const deep = (open: string, close: string) => open.repeat(20_000) + "1" + close.repeat(20_000)

  it.effect("20,000 levels are a row that is set aside, or a typed error, and never the end of the process", () =>
    live(Effect.gen(function*() {
      for (const value of [deep("[", "]"), deep("{\"a\":", "}")]) {
        const root = yield* folder({
          "a.png": [8, 8],
          "x.jsonl": `{"image": "a.png", "annotation": 1}\n{"image": "a.png", "annotation": ${value}}\n`,
          "x.json": `{"images": ${value}, "annotations": [], "categories": []}`,
          "seg/a.png": [8, 8],
          "seg/a.json": `{"text": "?", "shapes": ${value}}`,
          "seg/b.png": [8, 8],
          "seg/b.json": JSON.stringify({ text: "?", shapes: [{ label: "x", points: [[1, 1], [5, 1], [5, 5]] }] })
        })
        const jsonLines = yield* collect(JsonLines.read(`${root}/x.jsonl`, { annotation: Schema.Int }))
        assert.deepStrictEqual([jsonLines.error, jsonLines.ids], ["", ["a.png"]])
        assert.match(jsonLines.details[0] ?? "", /nested more than 256 deep/)
        assert.match((yield* collect(CocoInstances.read(`${root}/x.json`))).error, /nested more than 256 deep/)
        const seg = yield* collect(ReasonSeg.read(`${root}/seg`))
        assert.deepStrictEqual(seg.ids, ["b.png#0"])
        assert.match(seg.details[0] ?? "", /nested more than 256 deep/)
      }
    })))

  it.effect("questions with control tokens, and pictures of thousands of shapes, are set aside", () =>
    live(Effect.gen(function*() {
      const shape = { label: "x", points: [[1, 1], [5, 1], [5, 5]] }
      const entry = (text: string, shapes: ReadonlyArray<unknown>) => JSON.stringify({ text, shapes })
      const root = yield* folder({
        "a.png": [8, 8],
        "a.json": entry("what <|image_pad|> is it?", [shape]),
        "b.png": [8, 8],
        "b.json": entry("what?", [shape]),
        "c.png": [8, 8],
        "c.json": entry("what?", new Array(5000).fill(shape))
      })
      const { details, ids, rows } = yield* collect(ReasonSeg.read(root))
      assert.deepStrictEqual(ids, ["b.png#0"])
      assert.deepStrictEqual(rows, [[1, "control-token"], [3, "too-many-shapes"]])
      assert.include(details[0], "<|image_pad|>")
    })))

  it.effect("keys of objects are keys, whatever they are called", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "a.png": [8, 8],
        "x.jsonl": "{\"__proto__\": {\"image\": \"a.png\", \"annotation\": 1}}\n" +
          "{\"image\": \"a.png\", \"annotation\": 1, \"constructor\": 2}\n" +
          "{\"image\": \"b\\u0000.png\", \"annotation\": 1}\n" +
          "{\"image\": \"\\ud800.png\", \"annotation\": 1}\n" +
          "{\"image\": \"a.png\", \"annotation\": 1e999}\n"
      })
      const { ids, rows } = yield* collect(JsonLines.read(`${root}/x.jsonl`, { annotation: Schema.Int }))
      assert.deepStrictEqual(ids, ["a.png"])
      assert.deepStrictEqual(rows, [
        [1, "no-image"],
        [3, "outside-folder"],
        [4, "missing-file"],
        [5, "bad-annotation"]
      ])
    })))
})

describe("Parquet", () => {
  it.effect("row groups that share their bytes are refused: each would unpack them again", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a.parquet": parquet(sound), "b.parquet": parquet(sound, { groups: 1000 }) })
      const read = (name: string) => collect(Parquet.read([`${root}/${name}`], { annotation: Schema.Unknown }))
      assert.match((yield* read("a.parquet")).error, /none of its 4 rows is usable/)
      assert.match((yield* read("b.parquet")).error, /row groups \d+ and \d+ share bytes of the file/)
    })))
})
