/** Cells that are no numbers, in tables of numbers: they cost their rows, and never the meaning of their column. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { layout } from "../../../../src/data/layouts/Tables.ts"
import * as Nature from "../../../../src/data/layouts/tables/Nature.ts"
import { collect, folder, live } from "../../folders.ts"
import { classes } from "../open.ts"

const count = 20
const names = Array.from({ length: count }, (_, i) => `${i}.png`)
const pictures = Effect.suspend(() => folder(Object.fromEntries(names.map((name) => [name, [2, 2] as const]))))

/** What a table of twenty rows makes: `cells(i)` stand behind the name of the i-th picture. */
const read = Effect.fnUntraced(
  function*(root: string, header: string, cells: (i: number) => string, labels?: ReadonlyArray<string>) {
    const fs = yield* FileSystem.FileSystem
    const rows = names.map((name, i) => `${name}${cells(i)}\n`).join("")
    yield* fs.writeFileString(`${root}/labels.csv`, `image${header}\n${rows}`)
    const opened = yield* layout.open(root, { labels: Option.fromUndefinedOr(labels) }).pipe(Effect.result)
    if (opened._tag === "Failure") return { error: opened.failure.message, labels: [], n: 0, notes: "", rows: [] }
    const found = classes(Option.getOrThrow(opened.success))
    const { rows: aside, samples } = yield* collect(found.train)
    return { error: "", labels: found.labels, n: samples.length, notes: found.notes.join("\n"), rows: aside }
  }
)

/** One-hot columns of three labels, with another cell in the eighth row. */
const oneHot = (odd: string) => (i: number) =>
  `,${i === 7 ? odd : Number(i % 3 === 0)},${Number(i % 3 === 1)},${Number(i % 3 === 2)}`

describe("a column of numbers", () => {
  it("is told from names by the shares of its cells", () => {
    // filled, numbers, missing
    assert.strictEqual(Nature.of(20, 20, 0), "numbers")
    assert.strictEqual(Nature.of(20, 14, 0), "numbers")
    assert.strictEqual(Nature.of(20, 13, 0), "doubtful")
    assert.strictEqual(Nature.of(2, 1, 1), "numbers")
    assert.strictEqual(Nature.of(20, 9, 11), "numbers")
    assert.strictEqual(Nature.of(20, 9, 10), "doubtful")
    assert.strictEqual(Nature.of(20, 7, 0), "doubtful")
    assert.strictEqual(Nature.of(20, 6, 0), "names")
    assert.strictEqual(Nature.of(20, 0, 20), "names")
    assert.strictEqual(Nature.of(0, 0, 0), "names")
  })

  it.effect("stays one beside a cell that is none, whose row is set aside and told", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      const whole = yield* read(root, ",sun,rain,snow", oneHot("0"))
      assert.deepStrictEqual([whole.labels, whole.n, whole.rows], [["rain", "snow", "sun"], 20, []])
      for (
        const odd of ["nan", "NaN", "NA", "n/a", "?", "-", "null", "None", "#N/A", "∞", "inf", "rain", "0..5", "½"]
      ) {
        const { labels, n, notes, rows } = yield* read(root, ",sun,rain,snow", oneHot(odd))
        assert.deepStrictEqual([labels, n, rows], [["rain", "snow", "sun"], 19, [[9, "not-a-number"]]], odd)
        assert.include(notes, `"sun" holds numbers but for "${odd}" (line 9): its row is set aside`)
      }
      const empty = yield* read(root, ",sun,rain,snow", oneHot(""))
      assert.deepStrictEqual([empty.labels, empty.n, empty.rows], [["rain", "snow", "sun"], 19, [[9, "not-a-number"]]])
    })))

  it.effect("of votes and of two labels stays one, too", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      const votes = yield* read(root, ",sun,rain,snow", (i) => `,${i === 7 ? "NA" : 5 + i % 3},${1 + i % 2},2`)
      assert.deepStrictEqual([votes.labels, votes.rows], [["rain", "snow", "sun"], [[9, "not-a-number"]]])
      assert.include(votes.notes, "votes: rows sum to 8 to 11, read as shares")
      const two = yield* read(root, ",sun,rain", (i) => i === 7 ? ",nan,1" : `,${i % 2},${1 - i % 2}`)
      assert.deepStrictEqual([two.labels, two.n, two.rows], [["rain", "sun"], 19, [[9, "not-a-number"]]])
      const both = yield* read(root, ",sun,rain", (i) => i < 3 ? ",?,-" : `,${i % 2},${1 - i % 2}`)
      assert.deepStrictEqual([both.labels, both.n], [["rain", "sun"], 17])
      assert.include(
        both.notes,
        "\"sun\" holds numbers but for 3 cells, \"?\" (line 2) first: their rows are set aside"
      )
    })))

  it.effect("is an error, with the column and the line, where numbers and words are mixed", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      const mixed = (i: number) => `,${i % 2 === 0 ? "wet" : 1},${i % 2}`
      const { error } = yield* read(root, ",sun,rain", mixed)
      assert.match(error, /whether "sun" holds numbers or names cannot be told: 10 of its 20 filled cells are numbers/)
      assert.match(error, /such as "wet" \(line 2\)/)
      const said = yield* read(root, ",sun,rain", (i) => `,${i % 2 === 0 ? "wet" : 0},${i % 2}`, ["sun", "rain"])
      assert.deepStrictEqual([said.labels, said.n, said.rows.length], [["sun", "rain"], 10, 10])
      // Beside a column that is called label nobody asks.
      const beside = yield* read(
        root,
        ",label,note",
        (i) => `,${i % 2 === 0 ? "sun" : "rain"},${i % 3 === 0 ? "x" : i}`
      )
      assert.deepStrictEqual([beside.labels, beside.n], [["rain", "sun"], 20])
    })))

  it.effect("of labels that are numbers has none where a value is missing", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      for (const header of [",label", ",digit"]) {
        const { labels, notes, rows } = yield* read(root, header, (i) => i === 7 ? ",NA" : `,${i % 3}`)
        assert.deepStrictEqual([labels, rows], [["0", "1", "2"], [[9, "not-a-number"]]], header)
        assert.include(notes, `"${header.slice(1)}" holds numbers but for "NA" (line 9): its row is set aside`)
      }
      const kept = yield* read(root, ",label", (i) => i === 7 ? ",NA" : `,${i % 2}`, ["0", "1", "NA"])
      assert.deepStrictEqual([kept.labels, kept.n], [["0", "1", "NA"], 20])
      const group = yield* read(root, ",group", (i) => i === 7 ? ",50+" : `,${20 + i % 2}`)
      assert.match(
        group.error,
        /whether "group" holds labels cannot be told: .* such as "50\+" \(line 9\); call it "label"/
      )
      const words = yield* read(root, ",label", (i) => i === 7 ? ",nan" : i % 2 === 0 ? ",sun" : ",rain")
      assert.deepStrictEqual(words.labels, ["nan", "rain", "sun"])
      assert.include(words.notes, "\"nan\" reads as if a label were missing, and is a label here")
    })))

  it.effect("is read with thousands and decimals as they are written", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      for (
        const [written, share] of [
          ["1 200", 1200],
          ["1\u00a0200", 1200],
          ["1\u202f200", 1200],
          ["1'200", 1200],
          ["1’200", 1200],
          ["1.200.000", 1_200_000],
          ["\"1,200\"", 1200],
          [" 1200 ", 1200],
          ["1.2e3", 1200]
        ] as const
      ) {
        const { labels, n, notes } = yield* read(root, ",sun,rain", (i) => i === 7 ? `,${written},0` : ",900,100")
        assert.deepStrictEqual([labels, n], [["rain", "sun"], 20], written)
        assert.include(notes, `votes: rows sum to 1000 to ${share}`, written)
      }
      const parted = yield* read(root, ";sun;rain", (i) => i === 7 ? ";0,5;5e-1" : ";1e-3;0.999")
      assert.deepStrictEqual([parted.labels, parted.n], [["rain", "sun"], 20])
      const percent = yield* read(root, ",sun,rain", (i) => i === 7 ? ",50%,50%" : ",0.5,0.5")
      assert.deepStrictEqual([percent.n, percent.rows], [19, [[9, "not-a-number"]]])
    })))

  it.effect("beside shares that add up needs not be told from names", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      const found = yield* read(root, ",joy,sad,room", (i) => `,0.25,0.75,${i % 2 === 0 ? 12 : "A3"}`)
      assert.deepStrictEqual([found.error, found.labels, found.n], ["", ["joy", "sad"], 20])
    })))

  it.effect("called label, of a set that is labelled in part, makes no class of what is missing", () =>
    live(Effect.gen(function*() {
      const root = yield* pictures
      const found = yield* read(root, ",label", (i) => i < 8 ? `,${i % 2}` : ",NA")
      assert.deepStrictEqual([found.labels, found.n], [["0", "1"], 8])
      assert.strictEqual(found.rows.length, 12)
    })))
})
