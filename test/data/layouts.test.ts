/** Data sets as they are found on disk: each layout in small, with everything that can be wrong in it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { fileURLToPath } from "node:url"
import { CocoInstances, Emotion6Folder, ImageFolder, JsonLines, Parquet, ReasonSeg } from "../../src/data/index.ts"
import { Decode } from "../../src/kernels/image/index.ts"
import { Keyed } from "../../src/kernels/math/index.ts"
import { Emotion6 } from "../../src/tasks/classification/index.ts"
import { Box, BoxTruth } from "../../src/tasks/detection/index.ts"
import { collect, folder, live, warned } from "./folders.ts"

const coco = (parts: { readonly images?: unknown; readonly annotations?: unknown; readonly categories?: unknown }) =>
  JSON.stringify({
    images: [],
    annotations: [],
    categories: [{ id: 3, name: "cup" }, { id: 7, name: "hat" }],
    ...parts
  })

describe("ReasonSeg", () => {
  const shape = (label: string, ...points: ReadonlyArray<readonly [number, number]>) => ({
    label,
    points,
    shape_type: "polygon"
  })
  const entry = (text: unknown, ...shapes: ReadonlyArray<unknown>) =>
    JSON.stringify({ text, is_sentence: true, shapes })
  const left = shape("target", [1, 1], [4, 1], [2, 6])
  const right = shape("target", [10, 2], [14, 2], [14, 8], [10, 8])

  it.effect("asks every question once, of the mask's box or of each part", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "a.jpg": [20, 10],
        "a.json": entry(
          ["what keeps you dry?", " the umbrella "],
          left,
          right,
          shape("ignore", [0, 0], [19, 0], [19, 9]),
          shape("flag", [0, 0], [19, 0], [19, 9])
        ),
        "b.png": [20, 10],
        "b.json": entry(
          "where to sit?",
          shape("target", [10, 5], [30, 5], [30, 9]),
          shape("target", [12, 2], [15, 2], [15, 6])
        ),
        "c.json": entry("no picture?", left),
        "d.jpg": [20, 10],
        "d.json": entry("nothing?", shape("ignore", [0, 0], [19, 0], [19, 9])),
        "e.jpg": [20, 10],
        "e.json": "{",
        "f.jpg": "no picture",
        "f.json": entry("broken?", left),
        "g.jpg": [20, 10],
        "g.json": entry([], left),
        "h.jpg": [20, 10],
        // Saved by an old editor: an apostrophe of Windows-1252.
        "h.json": Buffer.from(entry("the dog~s coat?", left).replace("~", "\x92"), "latin1"),
        "i.jpg": [20, 10],
        "i.json": entry("beyond?", shape("target", [30, 30], [40, 30], [40, 40]))
      })
      const data = ReasonSeg.read(root)
      const { lines, value } = yield* warned(Effect.all([collect(data), collect(data)]))
      // Of d.json, which is set aside, its row tells.
      assert.deepStrictEqual(lines, [
        `${root}: 1 shape labelled to be ignored, in 1 picture, is no part of the targets`
      ])
      const { error, rows, samples } = value[0]
      assert.strictEqual(error, "")
      assert.deepStrictEqual(
        samples.map(({ image, question, truth }) => [image.id, question, truth.instances.map(({ box }) => box)]),
        [
          ["a.jpg#0", "what keeps you dry?", [[1, 1, 13, 7]]],
          ["a.jpg#1", "the umbrella", [[1, 1, 13, 7]]],
          ["b.png#0", "where to sit?", [[10, 2, 10, 7]]],
          ["h.jpg#0", "the dog’s coat?", [[1, 1, 3, 5]]]
        ]
      )
      assert.deepStrictEqual(rows, [[3, "missing-file"], [4, "no-target"], [5, "not-json"], [6, "unreadable-image"], [
        7,
        "bad-annotation"
      ], [9, "outside-image"]])
      const each = yield* collect(ReasonSeg.read(root, { targets: "each" }))
      assert.deepStrictEqual(
        each.samples.slice(0, 5).map(({ image, truth }) => [image.id, truth.instances.map(({ box }) => box)]),
        [
          ["a.jpg#0.0", [[1, 1, 3, 5]]],
          ["a.jpg#0.1", [[10, 2, 4, 6]]],
          ["a.jpg#1.0", [[1, 1, 3, 5]]],
          ["a.jpg#1.1", [[10, 2, 4, 6]]],
          ["b.png#0", [[10, 2, 10, 7]]]
        ]
      )
      const asked = yield* collect(ReasonSeg.read(root).pipe(BoxTruth.inFrame(() => Box.unit)))
      assert.strictEqual(asked.samples[0]!.question, "what keeps you dry?")
      assert.deepStrictEqual([...asked.samples[0]!.truth[0]!.box], [0.05, 0.1, 0.65, 0.7000000000000001])
    })))

  it.effect("takes shapes as LabelMe draws them and LISA reads them, and loses none", () =>
    live(Effect.gen(function*() {
      const boxOf = (...shapes: ReadonlyArray<unknown>) =>
        Effect.gen(function*() {
          const root = yield* folder({ "a.jpg": [40, 30], "a.json": entry("where?", ...shapes) })
          const { details, samples } = yield* collect(ReasonSeg.read(root))
          return samples.length === 0 ? details[0] : samples[0]!.truth.instances[0]!.box
        })
      const drawn = (shape_type: unknown, ...points: ReadonlyArray<readonly [number, number]>) => ({
        label: "target",
        points,
        shape_type
      })
      assert.deepStrictEqual(yield* boxOf(drawn("rectangle", [5, 5], [20, 20])), [5, 5, 15, 15])
      assert.deepStrictEqual(yield* boxOf(drawn("rectangle", [20, 5], [5, 20])), [5, 5, 15, 15], "corners in any order")
      assert.deepStrictEqual(yield* boxOf(drawn("rectangle", [5, 5], [20, 5], [20, 20], [5, 20])), [5, 5, 15, 15])
      assert.deepStrictEqual(yield* boxOf(drawn("mask", [5, 5], [20, 20])), [5, 5, 15, 15])
      assert.deepStrictEqual(
        yield* boxOf(drawn("circle", [10, 10], [13, 14])),
        [5, 5, 10, 10],
        "a centre and a point on the rim"
      )
      assert.deepStrictEqual(yield* boxOf(drawn(null, [5, 5], [20, 5], [20, 20])), [5, 5, 15, 15])
      assert.deepStrictEqual(yield* boxOf({ label: "target", points: [[5, 5], [20, 5], [20, 20]] }), [5, 5, 15, 15])
      assert.deepStrictEqual(
        yield* boxOf(
          { ...drawn("rectangle", [5, 5], [20, 20]), label: "umbrella" },
          shape("Ignore-it", [0, 0], [39, 0], [39, 29])
        ),
        [5, 5, 15, 15]
      )
      for (
        const lost of [
          drawn("polygon", [5, 5], [20, 20]),
          drawn("point", [5, 5]),
          drawn("line", [5, 5], [20, 20]),
          drawn("linestrip", [5, 5], [20, 20], [20, 5]),
          drawn("rectangle", [5, 5])
        ]
      ) {
        assert.match(
          String(yield* boxOf(left, lost)),
          /^a\.json: a \w+ of \d points has no extent/,
          "not taught with the rest alone"
        )
      }
    })))

  it.effect("does not follow links out of the folder", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const elsewhere = yield* folder({ "x.json": entry("secret?", left), "x.jpg": [20, 10] })
      const root = yield* folder({ "a.json": entry("mine?", left), "b.jpg": [20, 10] })
      yield* fs.symlink(`${elsewhere}/x.jpg`, `${root}/a.jpg`)
      yield* fs.symlink(`${elsewhere}/x.json`, `${root}/b.json`)
      const { error, rows } = yield* collect(ReasonSeg.read(root))
      assert.deepStrictEqual(rows, [[1, "outside-folder"], [2, "outside-folder"]])
      assert.match(error, /none of its 2 pictures is usable/)
      assert.match((yield* collect(ReasonSeg.read(yield* folder({ "a.jpg": [1, 1] })))).error, /no JSON files in it/)
    })))
})

describe("Emotion6Folder", () => {
  const header = "[image_filename]\t[valence]\t[arousal]\t[prob. (anger)]\t[prob. (disgust)]\t[prob. (fear)]\t[prob. " +
    "(joy)]\t[prob. (sadness)]\t[prob. (surprise)]\t[prob. (neutral)]"
  const row = (file: string, ...shares: ReadonlyArray<number | string>) => [file, "5.1", "4.2", ...shares].join("\t")

  it.effect("reads Cornell's table beside the class folders", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "ground_truth.txt": [
          header,
          row("anger/1.jpg", 0.4, 0.1, 0, 0, 0.3, 0, 0.2),
          row("joy/1.jpg", 0, 0, 0, 0.51, 0, 0, 0.5),
          row("joy/2.jpg", 0, 0, 0, 0.5, 0, 0, 0.1),
          row("joy/3.jpg", 0, 0, 0, 1, 0, 0, 0),
          row("joy/1.jpg", 0, 0, 0, 1, 0, 0, 0),
          row("joy/1", 0, 0, 0, 1, 0, 0),
          row("../ground_truth.txt", 0, 0, 0, 1, 0, 0, 0),
          row("joy/4.jpg", 0, 0, 0, "", 0, 0, 1),
          row("joy/4.jpg", 0, 0, 0, -1, 1, 0, 1),
          ""
        ].join("\r\n"),
        "images/anger/1.jpg": [4, 4],
        "images/joy/1.jpg": [4, 4],
        "images/joy/2.jpg": [4, 4],
        "images/joy/4.jpg": [4, 4]
      })
      const { error, rows, samples } = yield* collect(Emotion6Folder.read(root, Emotion6.task))
      assert.strictEqual(error, "")
      assert.deepStrictEqual(samples.map(({ image }) => image.id), ["anger/1.jpg", "joy/1.jpg"])
      assert.deepStrictEqual(samples[0]!.truth, [0.4, 0.1, 0, 0, 0.3, 0, 0.2])
      assert.closeTo(samples[1]!.truth[3]!, 0.51 / 1.01, 1e-12)
      assert.deepStrictEqual(rows, [
        [4, "sum"],
        [5, "missing-file"],
        [6, "duplicate-image"],
        [7, "wrong-cell-count"],
        [8, "outside-folder"],
        [9, "not-a-number"],
        [10, "duplicate-image"]
      ])
    })))

  it.effect("says which columns it misses", () =>
    live(Effect.gen(function*() {
      const errorOf = (text: string) =>
        Effect.flatMap(folder({ "ground_truth.txt": text }), (root) =>
          Effect.map(collect(Emotion6Folder.read(root, Emotion6.task)), ({ error }) => error))
      assert.match(
        yield* errorOf(header.replace("(fear)", "(angst)")),
        /none, or several, for fear; found "\[image_filename\]"/
      )
      assert.match(yield* errorOf(header), /no rows below the header/)
      assert.match(
        (yield* collect(Emotion6Folder.read(yield* folder({}), Emotion6.task))).error,
        /no such file, expected Emotion6's table/
      )
    })))
})

describe("ImageFolder", () => {
  it.effect("reads classes in label order, and no other folder", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "hats/2.png": [2, 2],
        "hats/1.png": [2, 2],
        "hats/.DS_Store": "x",
        "hats/notes.txt": "x",
        "n01/a.png": [2, 2],
        "other/z.png": [2, 2]
      })
      const task = { labels: ["cup", "hats"] }
      const { ids, rows, samples } = yield* collect(ImageFolder.read(root, task, { folders: { cup: "n01" } }))
      assert.deepStrictEqual(ids, ["n01/a.png", "hats/1.png", "hats/2.png"])
      assert.deepStrictEqual(samples.map(({ truth }) => truth), [[1, 0], [0, 1], [0, 1]])
      assert.deepStrictEqual(rows, [[4, "unreadable-image"]])
      assert.match((yield* collect(ImageFolder.read(root, task))).error, /no folder "cup" for the label "cup"/)
    })))
})

describe("JsonLines", () => {
  it.effect("reads objects by a schema, line by line", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "a.png": [2, 2],
        "data.jsonl":
          "\uFEFF{\"image\": \"a.png\", \"stars\": 4}\n\n{\"image\": \"a.png\", \"stars\": 5}\n{\"image\": " +
          "\"a.png\", \"stars\": 9}\n[1]\n{broken\n{\"stars\": 1}\n{\"image\": \"/etc/passwd\", \"stars\": " +
          "1}\n{\"image\": \"b.png\", \"stars\": 1}"
      })
      const annotation = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))
      const { error, ids, rows, samples } = yield* collect(
        JsonLines.read(`${root}/data.jsonl`, { annotation, keys: { annotation: "stars" } })
      )
      assert.strictEqual(error, "")
      assert.deepStrictEqual(ids, ["a.png", "a.png#3"])
      assert.deepStrictEqual(samples.map(({ truth }) => truth), [4, 5])
      assert.deepStrictEqual(rows, [
        [4, "bad-annotation"],
        [5, "not-an-object"],
        [6, "not-an-object"],
        [7, "no-image"],
        [8, "outside-folder"],
        [9, "missing-file"]
      ])
      assert.match(
        (yield* collect(JsonLines.read(`${root}/gone.jsonl`, { annotation }))).error,
        /no such file, expected JSON lines/
      )
    })))
})

describe("Parquet", () => {
  const fixture = (codec: string) => fileURLToPath(new URL(`../fixtures/parquet-${codec}.parquet`, import.meta.url))
  const labels = ["red", "green", "blue"]
  const options = { column: "label", annotation: Parquet.classLabel(labels), maxPixels: 10_000 }

  for (const codec of ["snappy", "zstd", "gzip"]) {
    it.effect(`reads what pyarrow wrote with ${codec}, as Hugging Face has it`, () =>
      live(Effect.gen(function*() {
        const { error, ids, rows, samples } = yield* collect(Parquet.read([fixture(codec)], options))
        assert.strictEqual(error, "")
        assert.deepStrictEqual(ids, ["red.png", `parquet-${codec}.parquet#2`, `parquet-${codec}.parquet#5`])
        assert.deepStrictEqual(samples.map(({ truth }) => truth), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        assert.deepStrictEqual(rows, [[3, "unreadable-image"], [4, "outside-folder"], [6, "too-many-pixels"], [
          7,
          "bad-annotation"
        ]])
        const pixels = yield* Decode.load(samples[0]!.image)
        assert.deepStrictEqual([pixels.width, pixels.height, ...pixels.data.subarray(0, 3)], [8, 6, 255, 0, 0])
      })))
  }

  it.effect("reads structs of lists, and several files after each other", () =>
    live(Effect.gen(function*() {
      const annotation = Schema.Struct({
        bbox: Schema.Array(Schema.Array(Schema.Finite)),
        category: Schema.Array(Schema.Int)
      })
      const boxed = yield* collect(
        Parquet.read([fixture("snappy"), fixture("zstd")], { column: "objects", annotation })
      )
      assert.deepStrictEqual(boxed.samples[0]!.truth, { bbox: [[1, 1, 4, 2], [0, 0, 8, 6]], category: [3, 5] })
      assert.deepStrictEqual(boxed.samples[1]!.truth, { bbox: [], category: [] })
      assert.strictEqual(new Set(boxed.ids).size, 10)
      const whole = yield* collect(
        Parquet.read([fixture("snappy")], { annotation: Schema.Struct({ caption: Schema.String, label: Schema.Int }) })
      )
      assert.deepStrictEqual(whole.samples[0]!.truth, { caption: "a red one", label: 0 })
    })))

  it.effect("says what is wrong with a file, and does not unpack what is too large", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const bytes = yield* fs.readFile(fixture("zstd"))
      const damaged = Uint8Array.from(bytes)
      damaged.fill(0xff, 4, 60)
      const root = yield* folder({
        "text.parquet": "not a table at all",
        "cut.parquet": bytes.subarray(0, bytes.length - 30),
        "damaged.parquet": damaged
      })
      const errorOf = (file: string, more: Partial<Parquet.Options<ReadonlyArray<number>>> = {}) =>
        Effect.map(collect(Parquet.read([file], { ...options, ...more })), ({ error }) => error)
      assert.match(yield* errorOf(`${root}/gone.parquet`), /no such file, expected Parquet/)
      for (const name of ["text", "cut", "damaged"]) {
        assert.match(yield* errorOf(`${root}/${name}.parquet`), /not Parquet, or damaged/)
      }
      assert.match(
        yield* errorOf(fixture("snappy"), { column: "class" }),
        /no column "class", found image, label, objects, caption/
      )
      assert.match(
        yield* errorOf(fixture("snappy"), { maxGroupBytes: 100 }),
        /row group 0 unpacks to \d+ bytes, at most 100 are read/
      )
    })))
})

describe("hostile files", () => {
  it.effect("damaged Parquet ends in samples or a typed error", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* folder({})
      let failed = 0
      for (const codec of ["snappy", "zstd", "gzip"]) {
        const bytes = yield* fs.readFile(
          fileURLToPath(new URL(`../fixtures/parquet-${codec}.parquet`, import.meta.url))
        )
        for (let i = 0; i < 40; i++) {
          const draw = Keyed.stream(i, `parquet/${codec}`)
          const damaged = Uint8Array.from(bytes)
          // Half of the damage goes to the footer, where sizes and counts are.
          for (
            let k = 1 + draw.int(6);
            k > 0;
            k--
          ) damaged[draw.next() < 0.5 ? draw.int(bytes.length) : bytes.length - 1 - draw.int(2500)] = draw.int(256)
          const file = `${root}/${codec}-${i}.parquet`
          yield* fs.writeFile(file, draw.next() < 0.1 ? damaged.subarray(0, draw.int(bytes.length)) : damaged)
          const { error, rows, samples } = yield* collect(
            Parquet.read([file], { annotation: Schema.Unknown, maxGroupBytes: 2 ** 22 })
          )
          if (error !== "") failed++
          assert.isTrue(error !== "" || samples.length + rows.length > 0)
        }
      }
      assert.isTrue(failed > 20 && failed < 110, String(failed))
    })))

  it.effect("damaged JSON ends in samples or a typed error", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a.png": [20, 10] })
      const fs = yield* FileSystem.FileSystem
      const whole = coco({
        images: [{ id: 1, file_name: "a.png", width: 20, height: 10 }],
        annotations: [{ image_id: 1, category_id: 3, bbox: [1, 2, 3, 4], iscrowd: 0 }]
      })
      const question = JSON.stringify({
        text: ["where?"],
        shapes: [{ label: "target", points: [[1, 1], [5, 1], [5, 5]] }]
      })
      const line = JSON.stringify({ image: "a.png", annotation: 3 })
      for (let i = 0; i < 100; i++) {
        const draw = Keyed.stream(i, "json")
        const damage = (text: string) => {
          const at = draw.int(text.length)
          return text.slice(0, at) +
            draw.pick(["", "null", "-1", "1e999", "[", "}", "\"", "{\"__proto__\":1}", "\u0000"]) +
            text.slice(at + draw.int(9))
        }
        yield* fs.writeFileString(`${root}/coco.json`, damage(whole))
        yield* fs.writeFileString(`${root}/a.json`, damage(question))
        yield* fs.writeFileString(`${root}/a.jsonl`, damage(line))
        for (
          const { error, rows, samples } of [
            yield* collect(CocoInstances.read(`${root}/coco.json`)),
            yield* collect(ReasonSeg.read(root)),
            yield* collect(JsonLines.read(`${root}/a.jsonl`, { annotation: Schema.Int }))
          ]
        ) assert.isTrue(error !== "" || samples.length + rows.length > 0)
      }
    })))
})
