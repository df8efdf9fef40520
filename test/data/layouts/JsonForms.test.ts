/** Rows of JSON as users write them: labels, shares, boxes, halves, and what is wrong with each. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { layout } from "../../../src/data/layouts/JsonForms.ts"
import { folder, live } from "../folders.ts"
import { lines, opened } from "./open.ts"

const abc = { "a.png": [40, 30], "b.png": [40, 30], "c.png": [40, 30] } as const

/** What is made of these rows beside three pictures. */
const rows = (...values: ReadonlyArray<unknown>) =>
  Effect.flatMap(folder({ ...abc, "data.jsonl": lines(...values) }), (root) => opened(layout, root))

describe("labels in JSON rows", () => {
  it.effect("are found under any of their names, pictures too", () =>
    live(Effect.gen(function*() {
      const sun = [["a.png", [0, 1]], ["b.png", [1, 0]]]
      for (
        const [a, b] of [
          [{ image: "a.png", label: "sun" }, { image: "b.png", label: "rain" }],
          [{ images: ["a.png"], class: "sun" }, { images: ["b.png"], class: " rain " }],
          [{ file_name: "a.png", category: { name: "sun" } }, { file_name: "b.png", category: { name: "rain" } }],
          [{ path: "./a.png", labels: ["sun"] }, { path: "b.png", labels: ["rain"] }],
          [{ img: "a.png", weather: "sun", id: 7 }, { img: "b.png", weather: "rain", id: 8 }],
          [{ image: { path: "a.png", bytes: null }, answer: "sun" }, { image: { path: "b.png" }, answer: "rain" }]
        ]
      ) {
        const found = yield* rows(a, b)
        assert.deepStrictEqual([found.error, found.train.error], ["", ""])
        assert.deepStrictEqual(found.labels, ["rain", "sun"])
        assert.deepStrictEqual(found.train.truths, sun, JSON.stringify(a))
        assert.isTrue(found.single)
        assert.strictEqual(found.kind, "classes")
      }
    })))

  it.effect("are read from an array, alone or in an object, from names of pictures, and after a byte order mark", () =>
    live(Effect.gen(function*() {
      const list = [{ image: "a.png", label: "sun" }, { image: "b.png", label: "rain" }]
      for (
        const [name, text] of [
          ["data.json", JSON.stringify(list)],
          ["data.jsonl", JSON.stringify(list, null, 1)],
          ["whatever.json", `\uFEFF${JSON.stringify(list, null, 2)}`],
          ["data.json", lines(...list)],
          ["data.json", JSON.stringify({ version: 1, data: list })],
          ["data.ndjson", `\uFEFF\n${lines(...list)}`]
        ] as const
      ) {
        const root = yield* folder({ ...abc, [name]: text })
        for (
          const path of name === "data.json" && text.includes("version")
            ? [`${root}/${name}`]
            : [root, `${root}/${name}`]
        ) {
          const found = yield* opened(layout, path)
          assert.deepStrictEqual(found.train.truths, [["a.png", [0, 1]], ["b.png", [1, 0]]], `${name} ${found.error}`)
        }
      }
      const root = yield* folder({
        ...abc,
        "labels.json": JSON.stringify({ "a.png": "sun", "b.png": { label: "rain" } })
      })
      assert.deepStrictEqual((yield* opened(layout, `${root}/labels.json`)).train.truths.length, 2)
    })))

  it.effect("are shares, percentages or votes by their sums, which is said", () =>
    live(Effect.gen(function*() {
      const told = (...weights: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
        rows(...weights.map((label, i) => ({ image: `${"abc"[i]}.png`, label })))
      const half = [["a.png", [0.25, 0.75]], ["b.png", [1, 0]]]
      const shares = yield* told({ rain: 0.25, sun: 0.75 }, { rain: 1 })
      assert.deepStrictEqual([shares.train.truths, shares.single], [half, false])
      assert.notMatch(shares.notes, /read as/)
      const percent = yield* told({ rain: 25, sun: 75 }, { rain: 100, sun: 0 })
      assert.deepStrictEqual(percent.train.truths, half)
      assert.match(percent.notes, /percentages: rows sum to 100, read as shares/)
      const votes = yield* told({ rain: 1, sun: 3 }, { rain: 10 })
      assert.deepStrictEqual(votes.train.truths, half)
      assert.match(votes.notes, /votes: rows sum to 4 to 10, read as shares/)
      const odd = yield* told({ rain: 0.25, sun: 0.75 }, { rain: 0.5, sun: 0.5 }, { rain: 0.2, sun: 0.2 })
      assert.deepStrictEqual(odd.train.rows, [[3, "sum"]])
      assert.match(odd.train.details[0]!, /numbers sum to 0.4, expected 1 ± 0.02/)
      const below = yield* told({ rain: -0.5, sun: 1.5 }, { rain: -1e-17, sun: 1 })
      assert.deepStrictEqual([below.train.rows, below.train.truths], [[[1, "negative"]], [["b.png", [0, 1]]]])
      const scored = yield* rows({
        image: "a.png",
        label: [{ label: "rain", score: 0.25 }, { label: "sun", score: 0.75 }]
      })
      assert.deepStrictEqual(scored.train.truths, half.slice(0, 1))
      const columns = yield* rows({ image: "a.png", rain: 0.25, sun: 0.75 })
      assert.deepStrictEqual(columns.train.truths, half.slice(0, 1))
      const several = yield* rows({ image: "a.png", labels: ["sun", "sun", "rain", "sun"] })
      assert.deepStrictEqual(several.train.truths, half.slice(0, 1))
      assert.match(several.notes, /lists of labels: each counts as a vote/)
    })))

  it.effect("in several rows of a picture are votes, and what cannot be added up is a duplicate", () =>
    live(Effect.gen(function*() {
      const found = yield* rows(
        { image: "a.png", label: "sun" },
        { image: "b.png", label: "rain" },
        { image: "a.png", labels: ["sun", "rain"] },
        { image: "a.png", label: "sun" },
        { image: "a.png", label: null }
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [0.25, 0.75]], ["b.png", [1, 0]]])
      assert.deepStrictEqual([found.train.rows, found.single], [[[5, "no-label"]], false])
      assert.match(found.notes, /1 picture in several rows: each label counts as a vote/)
      const same = yield* rows({ image: "a.png", label: "sun" }, { image: "a.png", label: "sun" })
      assert.deepStrictEqual([same.train.truths, same.single], [[["a.png", [1]]], true])
      const numbers = yield* rows({ image: "a.png", label: { sun: 1 } }, {
        image: "a.png",
        label: { sun: 0.5, rain: 0.5 }
      })
      assert.deepStrictEqual([numbers.train.truths, numbers.train.rows], [[["a.png", [0, 1]]], [[
        2,
        "duplicate-image"
      ]]])
    })))

  it.effect("are ordered and restricted by what the user says; numbers are places in that", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...abc,
        "data.jsonl": lines({ image: "a.png", label: "sun" }, { image: "b.png", label: "rain" }, {
          image: "c.png",
          label: "fog"
        })
      })
      const some = yield* opened(layout, root, ["sun", "rain", "snow"])
      assert.deepStrictEqual(some.labels, ["sun", "rain", "snow"])
      assert.deepStrictEqual(some.train.truths, [["a.png", [1, 0, 0]], ["b.png", [0, 1, 0]]])
      assert.deepStrictEqual(some.train.rows, [[3, "unknown-label"]])
      assert.match(some.train.details[0]!, /"fog", expected one of "sun", "rain", "snow"/)

      const numbered = (...labels: ReadonlyArray<unknown>) =>
        folder({ ...abc, "data.jsonl": lines(...labels.map((label, i) => ({ image: `${"abc"[i]}.png`, label }))) })
      const plain = yield* opened(layout, yield* numbered(10, 2, "0"))
      assert.deepStrictEqual(plain.labels, ["0", "2", "10"])
      assert.match(plain.notes, /labels are numbers: --labels/)
      const places = yield* opened(layout, yield* numbered(1, 0, 5), ["sun", "rain"])
      assert.deepStrictEqual(places.train.truths, [["a.png", [0, 1]], ["b.png", [1, 0]]])
      assert.deepStrictEqual(places.train.rows, [[3, "unknown-label"]])
      assert.match(
        (yield* opened(layout, yield* numbered(1, 2), ["sun", "rain"])).error,
        /from 1 to 2.*name what 0 is too/
      )
      assert.match((yield* opened(layout, yield* numbered([0.5, 0.5], [1, 0]))).error, /lists of numbers.*--labels/)
      const vector = yield* opened(layout, yield* numbered([0.25, 0.75], [1, 0], [1, 0, 0]), ["sun", "rain"])
      assert.deepStrictEqual(vector.train.truths, [["a.png", [0.25, 0.75]], ["b.png", [1, 0]]])
      assert.deepStrictEqual(vector.train.rows, [[3, "bad-annotation"]])
    })))

  it.effect("that are none are set aside with the reason, and texts are refused as labels", () =>
    live(Effect.gen(function*() {
      const found = yield* rows(
        { image: "a.png", label: "sun" },
        { image: "b.png", label: "" },
        { image: "c.png" },
        { image: "gone.png", label: "sun" },
        { image: ["a.png", "b.png"], label: "sun" },
        { image: "https://example.org/there.png", label: "sun" },
        { image: "../a.png", label: "sun" },
        { image: "data:image/png;base64,AAAA", label: "sun" },
        { label: "sun" },
        "{\"image\":",
        "7",
        { image: "./a.png", label: "rain" },
        { image: "b.png", label: { deep: { er: 1 } } },
        { image: "b.png", label: null }
      )
      assert.deepStrictEqual(found.train.truths, [["a.png", [0, 1]]])
      assert.deepStrictEqual(found.train.rows, [
        [2, "no-label"],
        [3, "no-label"],
        [4, "missing-file"],
        [5, "several-images"],
        [6, "remote"],
        [7, "outside-folder"],
        [8, "no-image"],
        [9, "no-image"],
        [10, "not-an-object"],
        [11, "not-an-object"],
        [12, "duplicate-image"],
        [13, "bad-annotation"],
        [14, "no-label"]
      ])
      const texts = Array.from(
        { length: 3 },
        (_, i) => `A long and winding description of what stands in picture ${i}, `
      )
      const captions = yield* rows(...texts.map((label, i) => ({ image: `${"abc"[i]}.png`, label: label.repeat(2) })))
      assert.match(captions.error, /free text, such as "A long.* cannot be learned as labels: expected/)
      const odd = yield* rows({ image: "a.png", label: "sun" }, { image: "b.png", label: "rain" }, {
        image: "c.png",
        label: texts[0]!.repeat(2)
      })
      assert.deepStrictEqual([odd.labels, odd.train.rows], [["rain", "sun"], [[3, "unknown-label"]]])
      const many = Array.from({ length: 500 }, (_, i) => ({ image: "a.png", label: `name ${i}` }))
      assert.match((yield* rows(...many)).error, /500 different ones in 500 rows/)
      const unusable = yield* rows({ image: "a.png", mood: 1, note: "x" }, { image: "b.png", mood: 2, note: "y" })
      assert.match(unusable.error, /none of its 2 rows is usable: no-label 2.*expected "label".*found "mood", "note"/)
      const unnamed = yield* folder({ "x.json": JSON.stringify([{ a: 1 }]) })
      assert.isTrue((yield* opened(layout, unnamed)).unknown)
      assert.match(
        (yield* opened(layout, `${unnamed}/x.json`)).error,
        /no picture is named, expected "image": found "a"/
      )
    })))
})

describe("halves of JSON rows", () => {
  const row = (image: string, more = {}) => ({ image, label: image.slice(0, 1), ...more })

  it.effect("are files, folders, or a field", () =>
    live(Effect.gen(function*() {
      const trained = [["a.png", [1, 0]]]
      const files = yield* folder({
        ...abc,
        "train.jsonl": lines(row("a.png")),
        "validation.json": JSON.stringify([row("b.png")])
      })
      const named = yield* opened(layout, files)
      assert.deepStrictEqual([named.train.truths, named.test.truths], [trained, [["b.png", [0, 1]]]])
      assert.match(named.notes, /train.jsonl and validation.json/)
      const three = yield* folder({
        ...abc,
        "train.jsonl": lines(row("a.png")),
        "val.jsonl": lines(row("b.png")),
        "test.jsonl": lines(row("c.png"))
      })
      const all = yield* opened(layout, three)
      assert.deepStrictEqual(all.test.truths, [["c.png", [0, 1]]])
      assert.match(all.notes, /not used: "val.jsonl"/)
      const alone = yield* opened(layout, `${three}/train.jsonl`)
      assert.deepStrictEqual([alone.train.truths, alone.test.error], [[["a.png", [1]]], "no such half"])
      const nested = yield* folder({
        "train/a.png": [40, 30],
        "train/metadata.jsonl": lines({ file_name: "a.png", label: "a" }),
        "test/images/b.png": [40, 30],
        "test/metadata.jsonl": lines({ file_name: "b.png", label: "b" })
      })
      const folders = yield* opened(layout, nested)
      assert.deepStrictEqual([folders.train.truths, folders.test.truths], [[["train/a.png", [1, 0]]], [[
        "test/images/b.png",
        [0, 1]
      ]]])
      const field = yield* rows(row("a.png"), row("b.png", { split: "test" }), row("c.png", { split: "attic" }))
      assert.deepStrictEqual([field.train.truths, field.test.truths], [[["a.png", [1, 0, 0]]], [["b.png", [0, 1, 0]]]])
      assert.deepStrictEqual([field.train.rows, field.test.rows], [[[3, "unknown-split"]], []])
      const held = yield* rows(row("a.png"), row("b.png", { split: "Validation" }), row("c.png", { split: "test" }))
      assert.deepStrictEqual([held.train.truths.length, held.test.truths], [1, [["c.png", [0, 0, 1]]]])
      assert.match(held.notes, /1 row of the validation split not used/)
      assert.match(field.notes, /halves by "split": test is tested on/)
    })))

  it.effect("are an error where several files could be meant, or none can be read", () =>
    live(Effect.gen(function*() {
      const two = yield* folder({ ...abc, "x.jsonl": lines(row("a.png")), "y.json": JSON.stringify([row("b.png")]) })
      assert.match((yield* opened(layout, two)).error, /"x.jsonl", "y.json" look alike: name one file instead/)
      const usual = yield* folder({ ...abc, "data.jsonl": lines(row("a.png")), "y.jsonl": lines(row("b.png")) })
      assert.match((yield* opened(layout, usual)).notes, /not used: "y.jsonl"/)
      for (
        const [text, says] of [
          ["", /no rows in it/],
          ["[]", /no rows in it/],
          // A row is its line: no other line is named.
          [
            "\n{\"image\"",
            /none of its 1 rows is usable: not-an-object 1\. First, row 2: not-an-object: not JSON: column 9/
          ],
          [
            "[{\"image\": \"a.png\", \"label\": \"sun\"},",
            /not JSON: line 1, column 37: expected a value/
          ],
          [Buffer.from("\uFEFF{\"image\": \"a.png\"}", "utf16le"), /UTF-16/],
          [`version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`, /Git LFS pointer/]
        ] as const
      ) {
        const root = yield* folder({ ...abc, "train.jsonl": text })
        assert.match((yield* opened(layout, root)).error, says)
      }
      assert.isTrue((yield* opened(layout, "/nowhere/at/all")).unknown)
      assert.isTrue((yield* opened(layout, yield* folder(abc))).unknown)
    })))
})

describe("numbers of 0 and 1 in JSON rows", () => {
  it.effect("of several questions, and of halves, are told", () =>
    live(Effect.gen(function*() {
      const two = yield* rows(
        { image: "a.png", label: { circle: 1, square: 0, red: 0, blue: 1 } },
        { image: "b.png", label: { circle: 0, square: 1, red: 0, blue: 1 } }
      )
      assert.match(two.notes, /every row has 2 ones, .* leave the keys of one of these in the data/)
      const votes = yield* rows(
        { image: "a.png", label: { circle: 2, square: 0 } },
        { image: "b.png", label: { circle: 1, square: 1 } }
      )
      assert.notInclude(votes.notes, "ones")
      const half = yield* rows(
        { image: "a.png", circle: 1, square: 0, is_train: 1 },
        { image: "b.png", circle: 0, square: 1, is_train: 0 }
      )
      assert.match(half.notes, /"is_train" reads as a mark of the row.*"split": "train" or "test"/)
      const train = yield* rows({ image: "a.png", circle: 1, train: 1 }, { image: "b.png", circle: 1, train: 0 })
      assert.match(train.notes, /"train" reads as a mark of the row.*"split": "train" or "test"/)
      const vehicles = yield* rows({ image: "a.png", bus: 1, train: 0 }, { image: "b.png", bus: 0, train: 1 })
      assert.notInclude(vehicles.notes, "reads as a mark")
    })))
})

describe("keys that nothing is read from", () => {
  const left = (...values: ReadonlyArray<unknown>) =>
    Effect.map(
      rows(...values),
      ({ error, notes }) => error + notes.split("\n").filter((note) => note.startsWith("keys")).join()
    )

  it.effect("are named once, whatever rows hold", () =>
    live(Effect.gen(function*() {
      const box = [1, 2, 3, 4]
      const objects = [{ bbox: box, category: "cup" }]
      for (const [width, height] of [["image_width", "image_height"], ["img_w", "img_h"]] as const) {
        const sized = { [width]: 80, [height]: 60 }
        assert.strictEqual(
          yield* left({ image: "a.png", objects, ...sized }, { image: "b.png", objects, ...sized }),
          `keys left alone: "${width}", "${height}"`
        )
      }
      assert.strictEqual(
        yield* left({ image: "a.png", label: "hat", objects, id: 3 }),
        "keys left alone: \"label\", \"id\""
      )
      assert.strictEqual(
        yield* left({ image: "a.png", label: "sun", width: 40, n: 1 }, { image: "b.png", class: "rain" }),
        "keys left alone: \"width\", \"n\""
      )
      assert.strictEqual(
        yield* left({ image: "a.png", sun: 1, rain: 0, x: 5 }, { image: "b.png", sun: 0, rain: 1 }),
        "keys left alone: \"x\""
      )
    })))

  it.effect("are none where all of a row is read, in some row", () =>
    live(Effect.gen(function*() {
      const box = [1, 2, 3, 4]
      for (
        const row of [
          { Image: "a.png", Label: "sun", split: "train" },
          { image: "a.png", width: 40, height: 30, bbox_format: "xywh", BBox: [box], label: ["cup"], iscrowd: [0] },
          { image: "a.png", objects: { bbox: [box], category: ["cup"] } },
          { image: "a.png", xmin: 1, ymin: 2, xmax: 5, ymax: 6, class: "cup" },
          { image: "a.png", weather: "sun" }
        ]
      ) assert.strictEqual(yield* left(row), "", JSON.stringify(row))
      assert.strictEqual(
        yield* left({ image: "a.png", label: "sun", class: null }, { image: "b.png", class: "rain" }),
        ""
      )
    })))
})

describe("cases", () => {
  const cases = fileURLToPath(new URL("../../../../shared/cases", import.meta.url))
  it.effect("an array is read as one, a list of one is an image", ({ skip }) => {
    skip(!existsSync(cases), "the cases are not beside this checkout (../shared/cases)")
    return live(Effect.gen(function*() {
      const array = yield* opened(layout, `${cases}/jsonl-array`)
      assert.deepStrictEqual(array.train.truths, [["a.png", [1, 0]], ["b.png", [0, 1]]])
      assert.deepStrictEqual(array.labels, ["1", "2"])
      const list = yield* opened(layout, `${cases}/jsonl-image-list`)
      assert.deepStrictEqual(list.train.truths, [["a.png", [1]], ["b.png", [1]]])
    }))
  })
})
