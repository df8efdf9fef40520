/** Class folders as users have them: nested, in halves, with what systems and tools leave beside the pictures. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import { collect, folder, live } from "../folders.ts"
import { classes, ClassLayout, openFolder } from "./open.ts"

const { open } = ClassLayout

describe("class folders", () => {
  it.effect("are walked as torchvision does, and say what is left alone", () =>
    live(Effect.gen(function*() {
      const found = yield* openFolder({
        "sun/b/2.png": [2, 2],
        "sun/1.png": [2, 2],
        "sun/b/deep/3.JPG": [2, 2],
        "sun/notes.txt": "x",
        "sun/data.json": "{}",
        "sun/.DS_Store": "x",
        "sun/Thumbs.db": "x",
        "rain/__MACOSX/x.png": "x",
        "rain/4.png": [2, 2],
        "rain/5.bmp": "BM......",
        "rain/noextension": [2, 2],
        "__MACOSX/sun/1.png": "x",
        ".git/x/1.png": [2, 2],
        "fog/readme.txt": "later",
        "README.md": "x",
        "cover.png": [2, 2]
      }, open)
      assert.deepStrictEqual([found.kind, found.layout, found.labels], ["classes", "class folders", ["rain", "sun"]])
      const { error, ids, rows, samples } = yield* collect(found.train)
      assert.strictEqual(error, "")
      assert.deepStrictEqual(ids, ["rain/4.png", "rain/noextension", "sun/1.png", "sun/b/2.png", "sun/b/deep/3.JPG"])
      assert.deepStrictEqual(samples.map(({ truth }) => truth), [[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
      assert.deepStrictEqual(rows, [[2, "unreadable-image"]])
      assert.isTrue(Option.isNone(found.test))
      assert.deepStrictEqual(found.notes, [
        "no pictures in \"fog\": no label is made of it",
        "1 picture beside the class folders left alone: no label is known",
        "4 files are no pictures: \"README.md\", \"fog/readme.txt\", \"sun/data.json\" and 1 more"
      ])
    })))

  it.effect("come in halves of any name; a label that nobody trains on is set aside", () =>
    live(Effect.gen(function*() {
      for (
        const [train, test] of [["train", "test"], ["Training", "Testing"], ["train", "val"], ["train", "valid"], [
          "train",
          "validation"
        ]] as const
      ) {
        const found = yield* openFolder({
          [`${train}/a/1.png`]: [2, 2],
          [`${train}/b/1.png`]: [2, 2],
          [`${test}/a/1.png`]: [2, 2],
          [`${test}/c/1.png`]: [2, 2]
        }, open)
        assert.deepStrictEqual(found.labels, ["a", "b"])
        assert.deepStrictEqual((yield* collect(found.train)).ids, [`${train}/a/1.png`, `${train}/b/1.png`])
        const held = yield* collect(Option.getOrThrow(found.test))
        assert.deepStrictEqual([held.ids, held.rows], [[`${test}/a/1.png`], [[2, "unknown-label"]]])
        assert.deepStrictEqual(held.details, [`${test}/c/1.png: "c" is none of the labels "a", "b"`])
        assert.includeMembers([...found.notes], [
          "no picture to test on has the label \"b\"",
          `${test}/ has "c", which no picture is trained on: its pictures are set aside`
        ])
      }
    })))

  it.effect("with both val and test are tested on test; a test folder without labels is left aside", () =>
    live(Effect.gen(function*() {
      const halves = (half: string) => ({ [`${half}/a/${half}.png`]: [2, 2], [`${half}/b/1.png`]: [2, 2] } as const)
      const all = yield* openFolder(
        { ...halves("train"), ...halves("test"), ...halves("val"), "junk/1.png": [2, 2], "cover.png": [2, 2] },
        open
      )
      assert.deepStrictEqual((yield* collect(Option.getOrThrow(all.test))).ids, ["test/a/test.png", "test/b/1.png"])
      assert.deepStrictEqual(all.notes, [
        "test/ is tested on, val/ is left aside (2 pictures)",
        "beside the halves \"junk\" left alone",
        "1 picture beside the halves left alone: no label is known"
      ])
      const kaggle = yield* openFolder({ ...halves("train"), "test/1.png": [2, 2], "test/2.png": [2, 2] }, open)
      assert.isTrue(Option.isNone(kaggle.test))
      assert.deepStrictEqual(kaggle.notes, ["test/ has no class folders (2 pictures): left aside"])
    })))

  it.effect("may be called train, 0 or <b>, and nearly the same", () =>
    live(Effect.gen(function*() {
      const labels = ["0", "007", "1", "<b>", "Sun", "crème brûlée", "sun", "train", "with  spaces"]
      const found = yield* openFolder(
        Object.fromEntries(labels.map((label) => [`${label}/1.png`, [2, 2] as const])),
        open
      )
      assert.deepStrictEqual(found.labels, labels)
      assert.strictEqual((yield* collect(found.train)).samples.length, labels.length)
      assert.deepStrictEqual(found.notes, [
        "the labels \"Sun\" and \"sun\" are nearly the same and are read as 2 labels: if they are one, write them alike"
      ])
    })))

  it.effect("take hinted labels in their order and set others aside", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a/1.png": [2, 2], "b/1.png": [2, 2], "c/1.png": [2, 2] })
      const found = classes(Option.getOrThrow(yield* open(root, { labels: Option.some(["c", "a", "z"]) })))
      assert.deepStrictEqual(found.labels, ["c", "a", "z"])
      assert.deepStrictEqual(found.notes, ["no picture to train on has the label \"z\""])
      const { ids, rows } = yield* collect(found.train)
      assert.deepStrictEqual([ids, rows], [["a/1.png", "c/1.png"], [[2, "unknown-label"]]])
      const error = yield* Effect.flip(open(root, { labels: Option.some(["x", "y"]) }))
      assert.include(
        error.reason,
        "none of the labels \"x\", \"y\" has a folder, its class folders are \"a\", \"b\", \"c\""
      )
    })))

  it.effect("are not what other layouts have in folders", () =>
    live(Effect.gen(function*() {
      const is = Effect.fnUntraced(function*(...names: ReadonlyArray<string>) {
        const root = yield* folder(Object.fromEntries(names.map((name) => [name, [2, 2] as const])))
        return Option.isSome(yield* open(root, { labels: Option.none() }))
      })
      assert.isFalse(yield* is("1.png", "2.png"))
      assert.isFalse(yield* is("a/1.png", "a/2.png"), "one folder names no label")
      assert.isFalse(yield* is("train2017/1.png", "val2017/2.png", "annotations/x.json"))
      assert.isFalse(yield* is("train/images/1.png", "train/labels/1.txt", "val/images/1.png", "val/labels/1.txt"))
      assert.isFalse(yield* is("images/1.png", "masks/1.png"))
      assert.isTrue(yield* is("train/1.png", "bus/1.png"), "a class that is called train")
      const root = yield* folder({ "a.csv": "x" })
      assert.isTrue(Option.isNone(yield* open(`${root}/a.csv`, { labels: Option.none() })))
    })))

  it.effect("do not follow links in a circle or out of the folder", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const elsewhere = yield* folder({ "x.png": [2, 2] })
      const root = yield* folder({ "a/1.png": [2, 2], "b/1.png": [2, 2] })
      yield* fs.symlink(`${root}/a`, `${root}/a/again`)
      yield* fs.symlink(elsewhere, `${root}/b/out`)
      const found = classes(Option.getOrThrow(yield* open(root, { labels: Option.none() })))
      const { ids, rows } = yield* collect(found.train)
      assert.deepStrictEqual([ids, rows], [["a/1.png", "b/1.png"], [[3, "outside-folder"]]])
    })))
})
