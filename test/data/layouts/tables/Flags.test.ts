/** Columns that mark rows among columns of labels. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { layout as jsonRows } from "../../../../src/data/layouts/JsonForms.ts"
import { layout } from "../../../../src/data/layouts/Tables.ts"
import { collect, folder, live } from "../../folders.ts"
import { classes, lines } from "../open.ts"

const pictures = Object.fromEntries([..."abcdefgh"].map((name) => [`${name}.png`, [2, 2] as const]))

/** Four rows of numbers under a header. */
const read = Effect.fnUntraced(
  function*(header: string, rows: ReadonlyArray<string>, labels?: ReadonlyArray<string>, more: object = {}) {
    const text = [`image,${header}`, ...rows.map((row, i) => `${"abcdefgh"[i]}.png,${row}`)].join("\n")
    const root = yield* folder({ ...pictures, "labels.csv": text, ...more })
    const found = classes(
      Option.getOrThrow(yield* layout.open(root, { labels: Option.fromUndefinedOr(labels) }))
    )
    const train = yield* collect(found.train)
    const marks = found.notes.filter((note) => note.includes("of the row"))
    return { ...found, rows: train.rows, truths: train.samples.map(({ truth }) => truth), marks }
  }
)

const oneHot = ["1,0,0", "0,1,1", "0,1,0", "1,0,1"]

describe("flags beside labels", () => {
  for (const name of ["is_blurry", "isBlurry", "is blurry", "Has_Text", "checked", "is_crowd", "needs-review"]) {
    it.effect(`${name} is left out where every row has one label without it, which is told`, () =>
      live(Effect.gen(function*() {
        const found = yield* read(`sun,rain,${name}`, oneHot)
        assert.deepStrictEqual([found.labels, found.single, found.rows], [["rain", "sun"], true, []])
        assert.deepStrictEqual(found.truths, [[0, 1], [1, 0], [1, 0], [0, 1]])
        assert.deepStrictEqual(found.marks, [
          `labels.csv: "${name}" is no label, but a mark of the row: its name says so, and without it all rows sum ` +
          `to the same; where it is one, name all labels: --labels ${
            name.includes(" ") ? `'rain,sun,${name}'` : `rain,sun,${name}`
          }`
        ])
        assert.isFalse(found.notes.some((note) => note.includes("left alone")))
        // What is named is one.
        const named = yield* read(`sun,rain,${name}`, oneHot, ["sun", "rain", name])
        assert.deepStrictEqual([named.labels, named.marks], [["sun", "rain", name], []])
      })))
  }

  it.effect("are left out of shares and percentages, too, and of the table to test on", () =>
    live(Effect.gen(function*() {
      const shares = yield* read("sun,rain,is_blurry,checked", [
        "0.7,0.3,0,1",
        "0.33,0.66,0,0",
        "1,0,0,0",
        "0.5,0.5,0,0"
      ])
      assert.deepStrictEqual([shares.labels, shares.rows], [["rain", "sun"], []])
      assert.match(
        shares.marks.join(),
        /"checked", "is_blurry" are no labels, but marks of the row: their names say so/
      )
      // A percent more is within what rounding leaves.
      const percentages = yield* read("sun,rain,checked", ["70,30,1", "33.3,66.6,0", "100,0,1", "50,50,0"])
      assert.deepStrictEqual([percentages.labels, percentages.rows], [["rain", "sun"], []])
      assert.deepStrictEqual(percentages.truths[0], [0.3, 0.7])
      const text = `image,sun,rain,checked\n${oneHot.map((row, i) => `${"abcd"[i]}.png,${row}\n`).join("")}`
      const root = yield* folder({ ...pictures, "train.csv": text, "test.csv": text })
      const halves = classes(Option.getOrThrow(yield* layout.open(root, { labels: Option.none() })))
      const test = yield* collect(Option.getOrThrow(halves.test))
      assert.deepStrictEqual([halves.labels, halves.single, test.rows], [["rain", "sun"], true, []])
      assert.deepStrictEqual(test.samples.map(({ truth }) => truth), [[0, 1], [1, 0], [1, 0], [0, 1]])
    })))

  it.effect("are labels where only their name or the numbers say so, which is told with what leaves them out", () =>
    live(Effect.gen(function*() {
      const byNumbers = yield* read("sun,rain,blue", oneHot)
      assert.deepStrictEqual(byNumbers.labels, ["blue", "rain", "sun"])
      assert.deepStrictEqual(byNumbers.marks, [
        "labels.csv: \"blue\" reads as a mark of the row, and is a label here: --labels rain,sun leaves it out"
      ])
      const byName = yield* read("sun,rain,is_blurry", ["1,1,0", "0,1,1", "0,1,0", "1,1,1"])
      assert.deepStrictEqual(byName.labels, ["is_blurry", "rain", "sun"])
      assert.match(byName.marks.join(), /"is_blurry" reads as a mark of the row, .* --labels rain,sun leaves it out$/)
      // Four rows would be whole without it, others that have no number for it are not.
      const odd = yield* read("sun,rain,checked", ["0.5,0.5,0", "0.5,0.5,1", ...Array(6).fill("0.2,0.3,")])
      assert.deepStrictEqual(odd.labels, ["checked", "rain", "sun"])
      assert.match(odd.marks.join(), /"checked" reads as a mark of the row, and is a label here/)
      const votes = yield* read("sun,rain,checked", ["3,1,1", "0,5,0", "2,2,1", "4,0,1"])
      assert.match(votes.marks.join(), /"checked" reads as a mark/)
      // What leaves them out loses no row.
      const without = yield* read("sun,rain,blue", oneHot, ["rain", "sun"])
      assert.deepStrictEqual([without.rows, without.truths], [[], [[0, 1], [1, 0], [1, 0], [0, 1]]])
    })))

  it.effect("are none where every row is whole with them, or where all are called so", () =>
    live(Effect.gen(function*() {
      for (
        const [header, rows] of [
          ["sun,rain,has_fog", ["1,0,0", "0,1,0", "0,0,1", "1,0,0"]],
          ["is_sun,is_rain,is_fog", ["1,1,0", "0,1,0", "0,0,1", "1,0,0"]],
          ["sun,rain,island,history", ["1,1,0,0", "0,1,0,0", "0,0,1,1", "1,0,0,0"]],
          ["sun,rain", ["1,0", "0,1", "1,1", "0,1"]],
          ["sun,is_rain", ["1,1", "0,1", "1,1", "1,0"]]
        ] as const
      ) {
        const { labels, marks } = yield* read(header, rows)
        assert.deepStrictEqual([labels.toSorted(), marks], [header.split(",").toSorted(), []], header)
      }
    })))

  it.effect("are told of rows of JSON, too", () =>
    live(Effect.gen(function*() {
      const row = (image: string, sun: number, flag: number) => ({ image, sun, rain: 1 - sun, is_blurry: flag })
      const root = yield* folder({ ...pictures, "data.jsonl": lines(row("a.png", 1, 0), row("b.png", 0, 1)) })
      const { labels, notes } = Option.getOrThrow(yield* jsonRows.open(root, { labels: Option.none() }))
      assert.deepStrictEqual(labels, ["is_blurry", "rain", "sun"])
      assert.include(
        notes,
        "\"is_blurry\" reads as a mark of the row, and is a label here: where that is wrong, take it out of the " +
          "data; --labels rain,sun sets the rows aside that have any of it"
      )
      // It does what is said of it.
      const named = Option.getOrThrow(yield* jsonRows.open(root, { labels: Option.some(["rain", "sun"]) }))
      const { rows, samples } = yield* collect(classes(named).train)
      assert.deepStrictEqual([rows, samples.length], [[[2, "unknown-label"]], 1])
      const others = [{ image: "a.png", label: "is_x" }, { image: "b.png", label: "y" }]
      const plain = yield* folder({ ...pictures, "data.jsonl": lines(...others) })
      const found = Option.getOrThrow(yield* jsonRows.open(plain, { labels: Option.none() }))
      assert.isFalse(found.notes.some((note) => note.includes("of the row")))
    })))
})

describe("several labels in one cell", () => {
  it.effect("are told, in tables and in rows of JSON", () =>
    live(Effect.gen(function*() {
      for (
        const [all, sign] of [
          [["circle;big", "circle;small", "square;big", "square;small"], ";"],
          [["circle|big", "circle", "big", "small"], undefined],
          [["circle|big", "circle|big", "big", "circle"], "|"],
          [["circle, big", "square, big", "circle", "square"], ","],
          [["Paris, Texas", "Rome, Italy", "Paris, Texas", "Oslo"], undefined],
          [["a;", ";b", "a;", ";b"], undefined],
          [["circle;big", "square", "square", "square"], undefined]
        ] as const
      ) {
        const table = `image,label\n${all.map((label, i) => `${"abcd"[i]}.png,"${label}"\n`).join("")}`
        const json = lines(...all.map((label, i) => ({ image: `${"abcd"[i]}.png`, label })))
        for (const [open, file, text] of [[layout.open, "l.csv", table], [jsonRows.open, "l.jsonl", json]] as const) {
          const root = yield* folder({ ...pictures, [file]: text })
          const { labels, notes } = Option.getOrThrow(yield* open(root, { labels: Option.none() }))
          assert.deepStrictEqual(labels.toSorted(), [...new Set(all)].toSorted())
          const said = notes.filter((note) => note.includes("like several in one"))
          assert.lengthOf(said, sign === undefined ? 0 : 1, all.join(" "))
          if (sign !== undefined) assert.include(said[0], `with "${sign}" `)
        }
      }
    })))
})
