/** A column of halves, in every reader of tables. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Path, Schema, type Stream } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { CsvManifest, JsonLines, Parquet } from "../../src/data/index.ts"
import type { Sample } from "../../src/dsl/Task.ts"
import { collect, folder, live, warned } from "./folders.ts"

type Split = CsvManifest.Options["split"]
type Read = Stream.Stream<Sample<unknown>, { readonly message: string }, FileSystem.FileSystem | Path.Path>

const halves = ["train", "Training", "val", "test", "dev", ""]
const pictures = (split: ReadonlyArray<string>) =>
  Object.fromEntries(split.map((_, i): readonly [string, readonly [number, number]] => [`${i}.png`, [8, 8]]))
const options = (split: Split) => split === undefined ? {} : { split }
const task = { labels: ["a", "b"] }
const shares = Schema.Struct({ a: Schema.Number })

/** Readers of a table with these values in the column. */
const readers: Readonly<Record<string, (root: string) => (split?: Split) => Read>> = {
  "table.csv": (root) => (split) => CsvManifest.read(`${root}/table.csv`, task, options(split)),
  "rows.jsonl": (root) => (split) => JsonLines.read(`${root}/rows.jsonl`, { annotation: shares, ...options(split) }),
  "list.json": (root) => (split) => JsonLines.read(`${root}/list.json`, { annotation: shares, ...options(split) })
}

const written = (split: ReadonlyArray<string>) => {
  const rows = split.map((half, i) => ({ image: `${i}.png`, annotation: { a: 1 }, ...half !== "" && { split: half } }))
  return folder({
    ...pictures(split),
    "table.csv": `image,a,b,Split\n${split.map((half, i) => `${i}.png,1,0,${half}\n`).join("")}`,
    "rows.jsonl": rows.map((row) => JSON.stringify(row)).join("\n"),
    "list.json": JSON.stringify(rows)
  })
}

const parquet = fileURLToPath(new URL("../fixtures/huggingface-split.parquet", import.meta.url))
const ofParquet = (split?: Split): Read =>
  Parquet.read([parquet], { column: "label", annotation: Parquet.classLabel(["rain", "sun"]), ...options(split) })

describe("a column of halves", () => {
  for (const [name, of] of Object.entries(readers)) {
    it.effect(`${name}: the rows to train on are read, which is told once, or those that are asked for`, () =>
      live(Effect.gen(function*() {
        const read = of(yield* written(halves))
        const both = read()
        const { lines, value } = yield* warned(Effect.all([collect(both), collect(both)]))
        for (const { error, ids, rows } of value) {
          assert.deepStrictEqual([error, ids, rows], ["", ["0.png", "1.png", "5.png"], []])
        }
        assert.lengthOf(lines, 1)
        assert.match(
          lines[0]!,
          /its column "split" names halves. 3 rows to train on are read, 2 of validation and 1 of/
        )
        assert.match(lines[0]!, /\{ split: "test" \} reads those, \{ split: "all" \} every row$/)
        const asked = yield* warned(
          Effect.forEach(
            ["train", "validation", "test", "all"] as const,
            (half) => Effect.map(collect(read(half)), ({ error, ids }) => error === "" ? ids : error)
          )
        )
        assert.deepStrictEqual(asked.value, [
          ["0.png", "1.png", "5.png"],
          ["2.png", "4.png"],
          ["3.png"],
          halves.map((_, i) => `${i}.png`)
        ])
        assert.deepStrictEqual(asked.lines, [])
      })))

    it.effect(`${name}: a file of one half is read whole, and a half that it lacks is an error`, () =>
      live(Effect.gen(function*() {
        const read = of(yield* written(["test", "test"]))
        const { lines, value } = yield* warned(collect(read()))
        assert.deepStrictEqual([value.ids, value.error, lines], [["0.png", "1.png"], "", []])
        assert.match((yield* collect(read("train"))).error, /no row whose "split" is train/)
        const both = yield* warned(collect(of(yield* written(["test", "val"]))()))
        assert.deepStrictEqual(both.value.ids, ["0.png", "1.png"])
        assert.match(both.lines.join("\n"), /its column "split" names validation and test, and both are read: \{ split/)
        const none = of(yield* written(["", ""]))
        assert.deepStrictEqual((yield* collect(none())).ids, ["0.png", "1.png"])
      })))

    it.effect(`${name}: what is asked for of a column with other values sets their rows aside`, () =>
      live(Effect.gen(function*() {
        const read = of(yield* written(["train", "attic", "test"]))
        const { ids, rows } = yield* collect(read("test"))
        assert.deepStrictEqual([ids, rows.map(([, reason]) => reason)], [["2.png"], ["unknown-split"]])
      })))
  }

  it.effect("with other values is what it was: unknown in a table, which says why, and of no matter in JSON", () =>
    live(Effect.gen(function*() {
      const root = yield* written(["train", "attic", "test"])
      assert.match(
        (yield* collect(readers["table.csv"]!(root)())).error,
        /unknown "Split".*"split" would be read as halves, but holds "attic" too/
      )
      for (const name of ["rows.jsonl", "list.json"]) {
        const { lines, value } = yield* warned(collect(readers[name]!(root)()))
        assert.lengthOf(value.ids, 3)
        assert.match(lines.join("\n"), /names halves, and holds "attic" too: every row is read, those to test on among/)
      }
      const other = yield* warned(collect(readers["rows.jsonl"]!(yield* written(["attic", "cellar"]))()))
      assert.deepStrictEqual([other.value.ids.length, other.lines], [2, []], "a column of something else")
      const { lines } = yield* warned(collect(readers["table.csv"]!(root)()))
      assert.deepStrictEqual(lines, [], "what is refused is not read")
    })))

  it.effect("counts no row that cannot be read, and such a row is set aside whichever half is read", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...pictures(["", "", ""]),
        "table.csv": "image,a,b,split\n0.png,1,0,test\n1.png,1\n2.png,1,0,test\n",
        "rows.jsonl": [
          `{"image":"0.png","annotation":{"a":1},"split":"test"}`,
          "{\"image\"",
          `{"image":"2.png","annotation":{"a":1},"split":"test"}`
        ].join("\n"),
        "list.json": JSON.stringify([
          { image: "0.png", annotation: { a: 1 }, split: "test" },
          ["1.png"],
          { image: "2.png", annotation: { a: 1 }, split: "test" }
        ])
      })
      for (const [name, of] of Object.entries(readers)) {
        for (const half of [undefined, "test"] as const) {
          const { lines, value } = yield* warned(collect(of(root)(half)))
          const rows = value.rows.map(([row]) => row)
          assert.deepStrictEqual(
            [value.ids, rows, lines],
            [["0.png", "2.png"], [name === "table.csv" ? 3 : 2], []],
            name
          )
        }
      }
    })))

  it.effect("of a list is found with the parse of the first pass", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* written(halves)
      let reads = 0
      const readFile: typeof fs.readFile = (path) => Effect.suspend(() => (reads++, fs.readFile(path)))
      const read = readers["list.json"]!(root)()
      const pass = Effect.provideService(collect(read), FileSystem.FileSystem, { ...fs, readFile })
      yield* pass
      assert.strictEqual(reads, 2, "for the form of the file, which a few bytes do not tell, and for its rows")
      yield* pass
      assert.strictEqual(reads, 3, "no rows are held between passes")
    })))

  it.effect("is a label where the task has one of that name, and a key where it is named as one", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...pictures(["", ""]),
        "table.csv": "image,whole,split\n0.png,0,1\n1.png,1,0\n",
        "rows.jsonl": `{"image":"0.png","split":"train"}\n{"image":"1.png","split":"test"}\n`
      })
      const labels = { labels: ["whole", "split"] }
      const { samples } = yield* collect(CsvManifest.read(`${root}/table.csv`, labels))
      assert.deepStrictEqual(samples.map(({ truth }) => truth), [[0, 1], [1, 0]])
      const asked = yield* collect(CsvManifest.read(`${root}/table.csv`, labels, { split: "test" }))
      assert.match(asked.error, /split is "test", expected no such option: there is no column "split" that says which/)
      const keyed = { annotation: Schema.String, keys: { annotation: "split" } }
      const { samples: told } = yield* collect(JsonLines.read(`${root}/rows.jsonl`, keyed))
      assert.deepStrictEqual(told.map(({ truth }) => truth), ["train", "test"])
      assert.match(
        (yield* collect(JsonLines.read(`${root}/rows.jsonl`, { ...keyed, split: "test" }))).error,
        /which half a row belongs to, "split" is where its picture or annotation is/
      )
    })))

  it.effect("of Parquet says the same", () =>
    live(Effect.gen(function*() {
      const { lines, value } = yield* warned(collect(ofParquet()))
      assert.deepStrictEqual(value.ids, ["0.png", "1.png", "5.png"])
      assert.match(lines.join("\n"), /3 rows to train on are read, 1 of validation and 2 of test are not/)
      assert.deepStrictEqual((yield* collect(ofParquet("test"))).ids, ["3.png", "4.png"])
      assert.lengthOf((yield* collect(ofParquet("all"))).ids, 6)
      const whole = Parquet.read([parquet], {
        annotation: Schema.Struct({ label: Schema.Number }),
        split: "validation"
      })
      assert.deepStrictEqual((yield* collect(whole)).samples.map(({ truth }) => truth), [{ label: 0 }])
      const root = yield* folder({ "train/0.parquet": readFileSync(parquet.replace("split", "classes")) })
      const lacking = Parquet.read([`${root}/train/0.parquet`], {
        column: "label",
        annotation: Parquet.classLabel(["rain", "sun", "fog"]),
        split: "test"
      })
      assert.match((yield* collect(lacking)).error, /which half a row belongs to, found "image", "label"/)
    })))

  it.effect("is told once to passes that begin at one time, and a file that is read whole is parsed once", () =>
    live(Effect.gen(function*() {
      for (const [name, of] of Object.entries({ ...readers, "a.parquet": (_: string) => ofParquet })) {
        const read = of(yield* written(halves))()
        const passes = Effect.all([collect(read), collect(read), collect(read)], { concurrency: "unbounded" })
        const { lines, value } = yield* warned(passes)
        assert.lengthOf(lines, 1, name)
        assert.deepStrictEqual(new Set(value.map(({ ids }) => ids.length)), new Set([value[0]!.ids.length]), name)
      }
    })))

  it.effect("that only some Parquet files have is an error that names one of either, before a row is read", () =>
    live(Effect.gen(function*() {
      const bytes = readFileSync(parquet)
      const without = Buffer.from(bytes.toString("latin1").replaceAll("split", "attic"), "latin1")
      const root = yield* folder({ "with.parquet": bytes, "without.parquet": without })
      const [having, lacking] = [`${root}/with.parquet`, `${root}/without.parquet`]
      const annotation = { column: "label", annotation: Parquet.classLabel(["rain", "sun"]) }
      for (const files of [[having, lacking], [lacking, having]]) {
        for (const split of [{}, { split: "train" }, { split: "all" }] as const) {
          const { error, ids } = yield* collect(Parquet.read(files, { ...annotation, ...split }))
          assert.deepStrictEqual(ids, [])
          assert.include(error, `${lacking}: it has no column "split", and ${having} has one`)
        }
      }
      assert.lengthOf((yield* collect(Parquet.read([lacking, lacking], annotation))).ids, 12)
    })))
})
