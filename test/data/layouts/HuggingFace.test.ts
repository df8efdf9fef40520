/** Parquet files that `datasets` wrote (test/fixtures/huggingface.py), in the folders of the hub. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { layout } from "../../../src/data/layouts/HuggingFace.ts"
import { folder, live } from "../folders.ts"
import { opened } from "./open.ts"

const bytes = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/huggingface-${name}.parquet`, import.meta.url)))

/** What is made of a fixture that is the only shard. */
const one = (name: string, labels?: ReadonlyArray<string>) =>
  Effect.flatMap(folder({ "data/train-00000-of-00001.parquet": bytes(name) }), (root) => opened(layout, root, labels))

const shard = "data/train-00000-of-00001.parquet"

describe("Hugging Face's Parquet", () => {
  it.effect("names classes in its footer", () =>
    live(Effect.gen(function*() {
      const found = yield* one("classes")
      assert.deepStrictEqual([found.error, found.kind, found.single], ["", "classes", true])
      assert.deepStrictEqual(found.labels, ["rain", "sun", "fog"], "in their own order, all of them")
      assert.deepStrictEqual(found.train.truths, [
        [`${shard}#red.png`, [0, 1, 0]],
        [`${shard}#green.png`, [1, 0, 0]],
        [`${shard}#3`, [0, 1, 0]]
      ])
      assert.deepStrictEqual(found.train.rows, [[4, "no-label"]])
      assert.match(found.notes, /pictures in "image", labels in "label"\nother columns are not used: "id"/)
      const some = yield* one("classes", ["sun", "rain"])
      assert.deepStrictEqual(some.train.truths.map((truth) => (truth as Array<unknown>)[1]), [[1, 0], [0, 1], [1, 0]])
      const few = yield* one("classes", ["sun"])
      assert.deepStrictEqual(few.train.rows, [[2, "unknown-label"], [4, "no-label"]])
    })))

  it.effect("may name the half of each row, and that of none is to train on", () =>
    live(Effect.gen(function*() {
      const found = yield* one("split")
      assert.deepStrictEqual([found.error, found.labels], ["", ["rain", "sun"]])
      const ids = (half: typeof found.train) => half.truths.map((truth) => (truth as Array<unknown>)[0])
      assert.deepStrictEqual(ids(found.train), [`${shard}#0.png`, `${shard}#1.png`, `${shard}#5.png`])
      assert.deepStrictEqual(ids(found.test), [`${shard}#3.png`, `${shard}#4.png`])
      assert.match(found.notes, /halves by "split": test is tested on\n1 row of the validation split not used/)
    })))

  it.effect("has a column of that name that names none, which is told as any that is not used", () =>
    live(Effect.gen(function*() {
      const text = bytes("split").toString("latin1").replaceAll("train", "attic").replaceAll("test", "cave")
      const other = Buffer.from(text.replaceAll("val", "den"), "latin1")
      const root = yield* folder({ [shard]: other })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual([found.error, found.train.truths.length, found.test.truths.length], ["", 6, 0])
      assert.match(found.notes, /"split" names no half of the data, and is not used/)
    })))

  it.effect("holds boxes in a struct of lists and in a list of structs", () =>
    live(Effect.gen(function*() {
      const found = yield* one("objects")
      assert.deepStrictEqual([found.error, found.kind, found.labels], ["", "boxes", ["hat", "cup"]])
      assert.deepStrictEqual(found.train.truths, [
        [`${shard}#red.png`, [["cup", 5, 6, 10, 12], ["hat", 1, 1, 2, 2]]],
        [`${shard}#green.png`, []]
      ])
      assert.deepStrictEqual(found.train.rows, [[3, "no-label"]])
      const structs = yield* one("structs")
      assert.deepStrictEqual(structs.train.truths, [[`${shard}#red.png`, [["cup", 5, 6, 10, 12]]]])
    })))

  it.effect("states the size of a picture, which boxes in pixels are held against", () =>
    live(Effect.gen(function*() {
      const found = yield* one("sizes")
      assert.deepStrictEqual(found.train.truths, [
        [`${shard}#red.png`, [["cup", 5, 6, 10, 12]]],
        [`${shard}#blue.png`, [["cup", 5, 6, 10, 12]]]
      ])
      assert.deepStrictEqual(found.train.rows, [[2, "size-mismatch"]])
      assert.deepStrictEqual(found.train.details, ["the picture is 40 × 30, stated as 80 × 60"])
      assert.notMatch(found.notes, /not used/)
      // A shard that states none is read as it is.
      const root = yield* folder({
        "data/train-00000-of-00002.parquet": bytes("sizes"),
        "data/train-00001-of-00002.parquet": bytes("structs")
      })
      const both = yield* opened(layout, root)
      assert.deepStrictEqual([both.error, both.train.truths.length], ["", 3])
    })))

  it.effect("holds lists of pictures: one is a picture, more are named", () =>
    live(Effect.gen(function*() {
      const found = yield* one("lists")
      assert.deepStrictEqual(found.train.truths, [[`${shard}#red.png`, [0, 1]]])
      assert.deepStrictEqual(found.train.rows, [[2, "several-images"], [3, "several-images"]])
      assert.match(found.train.details[0]!, /#2: "images" is a list of 2, expected one picture a row/)
    })))

  it.effect("holds numbers without names, which are asked for", () =>
    live(Effect.gen(function*() {
      assert.match(
        (yield* one("numbers")).error,
        /its labels in "label" are numbers without names: give the names of 0, 1, … with --labels NAME,…/
      )
      const named = yield* one("numbers", ["rain", "sun"])
      assert.deepStrictEqual(named.train.truths.map((truth) => (truth as Array<unknown>)[1]), [[0, 1], [1, 0]])
    })))

  it.effect("holds votes, or several fields of classes of which the labels say one", () =>
    live(Effect.gen(function*() {
      const votes = yield* one("shares")
      assert.deepStrictEqual(votes.train.truths.map((truth) => (truth as Array<unknown>)[1]), [[0.25, 0.75], [1, 0]])
      assert.match(votes.notes, /votes: rows sum to 4 to 10/)
      assert.match((yield* one("fields")).error, /classes in "fine", "coarse": name the labels of one with --labels/)
      assert.deepStrictEqual((yield* one("fields", ["old", "new"])).train.truths.length, 2)
    })))

  it.effect("comes in halves and shards, one configuration at a time", () =>
    live(Effect.gen(function*() {
      const hub = yield* folder({
        "README.md": "",
        "data/train-00000-of-00002.parquet": bytes("classes"),
        "data/train-00001-of-00002.parquet": bytes("classes"),
        "data/test-00000-of-00001.parquet": bytes("classes"),
        "data/validation-00000-of-00001.parquet": bytes("classes")
      })
      const found = yield* opened(layout, hub)
      assert.deepStrictEqual([found.train.truths.length, found.test.truths.length], [6, 3])
      assert.deepStrictEqual(found.train.rows, [[4, "no-label"], [8, "no-label"]])
      assert.match(found.notes, /not used: "data\/validation-00000-of-00001.parquet"/)
      const alone = yield* opened(layout, `${hub}/data/test-00000-of-00001.parquet`)
      assert.deepStrictEqual([alone.train.truths.length, alone.test.error], [3, "no such half"])
      const folders = yield* folder({ "train/0000.parquet": bytes("objects"), "test/0000.parquet": bytes("objects") })
      const nested = yield* opened(layout, folders)
      assert.deepStrictEqual([nested.train.truths.length, nested.test.truths.length], [2, 2])
      const two = yield* folder({ "a/train-0.parquet": bytes("classes"), "b/train-0.parquet": bytes("classes") })
      assert.match((yield* opened(layout, two)).error, /shards in "a", "b": name the folder of one configuration/)
    })))

  it.effect("of other columns or classes than the files before is an error that names both", () =>
    live(Effect.gen(function*() {
      const both = (one: Uint8Array, other: Uint8Array, second = "data/train-00001-of-00002.parquet") =>
        Effect.flatMap(
          folder({ "data/train-00000-of-00002.parquet": one, [second]: other }),
          (root) => opened(layout, root)
        )
      const changed = (name: string, from: string, to: string) =>
        Buffer.from(bytes(name).toString("latin1").replaceAll(from, to), "latin1")
      const says = (...files: Parameters<typeof both>) => Effect.map(both(...files), ({ error }) => error)
      assert.match(
        yield* says(bytes("classes"), bytes("objects")),
        new RegExp(
          /train-00001-of-00002.parquet: it has pictures in "image" and boxes in "objects", and data\/train-00000-/
            .source +
            /of-00002.parquet has pictures in "image" and labels in "label": files of one data set/.source
        )
      )
      const renamed = changed("classes", "rain", "hail")
      assert.match(yield* says(bytes("classes"), renamed), /it has class 0 "hail", and \S+ has class 0 "rain"/)
      // Of halves in files of their own, too: the numbers of the test half would mean other classes.
      assert.match(yield* says(bytes("classes"), renamed, "data/test-00000-of-00001.parquet"), /class 0 "hail"/)
      assert.match(yield* says(bytes("classes"), bytes("numbers")), /it has classes without names, and \S+ has "rain"/)
      const without = changed("split", "split", "attic")
      assert.match(yield* says(bytes("split"), without), /no column "split", and \S+ has a column "split"/)
      assert.match(yield* says(without, bytes("split")), /a column "split", and \S+ has no column "split"/)
      const halves = yield* both(without, bytes("split"), "data/test-00000-of-00001.parquet")
      assert.deepStrictEqual([halves.error, halves.train.truths.length, halves.test.truths.length], ["", 6, 6])
      const told = yield* both(bytes("split"), bytes("split"), "data/test-00000-of-00001.parquet")
      assert.match(told.notes, /"split" is not used: the files are the halves/)
    })))

  it.effect("may name halves in a later file alone", () =>
    live(Effect.gen(function*() {
      const text = bytes("split").toString("latin1").replaceAll("train", "attic").replaceAll("test", "cave")
      const first = Buffer.from(text.replaceAll("val", "den"), "latin1")
      const root = yield* folder({ "a-00000-of-00002.parquet": first, "a-00001-of-00002.parquet": bytes("split") })
      const found = yield* opened(layout, root)
      // Of the first, the row that names none is to train on.
      assert.deepStrictEqual([found.train.truths.length, found.test.truths.length], [4, 2])
      assert.deepStrictEqual(found.train.rows, [1, 2, 3, 4, 5].map((row) => [row, "unknown-split"]))
    })))

  it.effect("without pictures, damaged or not there is an error or left to others", () =>
    live(Effect.gen(function*() {
      assert.match((yield* one("text")).error, /no column of pictures among "text", "label"/)
      const damaged = yield* folder({ "train.parquet": bytes("classes").subarray(0, 700) })
      assert.match((yield* opened(layout, damaged)).error, /not Parquet, or damaged/)
      const cut = yield* folder({ "train.parquet": bytes("classes"), "train-1.parquet": "PAR1" })
      assert.match((yield* opened(layout, cut)).error, /train-1.parquet: not Parquet, or damaged/)
      assert.isTrue((yield* opened(layout, yield* folder({ "a.png": [4, 4] }))).unknown)
      assert.isTrue((yield* opened(layout, "/nowhere")).unknown)
    })))

  const cases = fileURLToPath(new URL("../../../../shared/cases", import.meta.url))
  it.effect("of which nothing was fetched, or in a codec that is not read, says so", ({ skip }) => {
    skip(!existsSync(cases), "the cases are not beside this checkout (../shared/cases)")
    return live(Effect.gen(function*() {
      const says = (name: string) =>
        Effect.map(opened(layout, `${cases}/parquet/${name}.parquet`, ["a", "b"]), ({ error }) => error)
      assert.match(yield* says("lfs"), /a Git LFS pointer .* git lfs pull/)
      assert.match(yield* says("lz4"), /packed with LZ4/)
      assert.match(yield* says("empty"), /no rows in it/)
    }))
  })

  it.effect("all of which are to test on are read as one part, which is said", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "data/test-00000-of-00001.parquet": bytes("classes"),
        "data/validation-00000-of-00001.parquet": bytes("classes")
      })
      const found = yield* opened(layout, root)
      assert.deepStrictEqual([found.error, found.train.truths.length, found.test.error], ["", 6, "no such half"])
      assert.match(found.notes, /no file to train on: "data\/test-\S+", "data\/validation-\S+ are read as one part/)
    })))
})
