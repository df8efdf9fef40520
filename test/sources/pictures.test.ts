/** A user's own pictures become a task with two halves, and what was understood is said. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Result, Stream } from "effect"
import sharp from "sharp"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import * as Sources from "../../src/sources/index.ts"
import { Emotion6, ImagenetSub } from "../../src/tasks/classification/index.ts"
import { CocoSub } from "../../src/tasks/detection/index.ts"
import { folder, live } from "../data/folders.ts"

const open = (data: string, more: Partial<Sources.PicturesOptions> = {}) =>
  Sources.pictures({
    data,
    embedded: true,
    labels: Option.none(),
    seed: 0,
    shots: Option.none(),
    subject: Option.none(),
    task: Option.none(),
    ...more
  })

/** A picture of its own: no two are the same bytes. */
const picture = (n: number) =>
  Effect.promise(() =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: { r: n, g: 255 - n, b: 7 * n % 256 } } }).png()
      .toBuffer()
  )

/** As many pictures as are named, each of its own. */
const pictures = (...names: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(names, (name, i) => Effect.map(picture(i), (bytes) => [name, bytes] as const)),
    Object.fromEntries<Uint8Array>
  )

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}/${i}.png`)
const idsOf = (half: Sources.Pictures["train"]) =>
  Effect.map(
    Stream.runCollect(half as Stream.Stream<{ readonly image: { readonly id: string } }, Sources.Fault, any>),
    (all) => all.map(({ image }) => image.id)
  )

describe("pictures", () => {
  it.effect("of class folders are single labels, asked of the embedded checkpoint in its own words", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(yield* pictures(...numbered("sun", 10), ...numbered("rain", 5), "snow/0.png"))
      const source = yield* open(`${root}/`)
      if (source.kind !== "classes") throw new Error(source.kind)
      assert.deepStrictEqual([source.labels, source.single, source.layout], [
        ["rain", "snow", "sun"],
        true,
        "class folders"
      ])
      assert.deepStrictEqual(source.task.prompts.annotate, ImagenetSub.embedded.prompts.annotate)
      assert.strictEqual(source.task.prompts.reason("x"), ImagenetSub.embedded.prompts.reason("x"))
      assert.strictEqual(source.task.name, root.split("/").at(-1))
      const [train, test] = [yield* idsOf(source.train), yield* idsOf(source.test)]
      assert.deepStrictEqual([train.length, test.length], [13, 3])
      assert.strictEqual(new Set([...train, ...test]).size, 16)
      assert.strictEqual(new Set(train.slice(0, 6).map((id) => id.split("/")[0])).size > 1, true, "not label by label")
      assert.deepStrictEqual(yield* idsOf(source.train), train)
      assert.deepStrictEqual(yield* Sources.understood(source), [
        `${root}/: class folders, a label for each picture: 13 pictures to train on + 3 to test on`,
        "  rain 4 + 1, snow 1 + 0, sun 8 + 2",
        "  no part to test on: 20% of each label held out, drawn by seed 0",
        "  no picture to test on has the label \"snow\"",
        "  one picture has the label \"snow\": mend what is mistyped, or name the labels that count, --labels"
      ])
      assert.notDeepEqual(yield* idsOf((yield* open(root, { seed: 3 })).test), test)
      const plain = yield* open(root, { embedded: false })
      assert.include(plain.task.prompts.answerOnly, "Name the main object of this picture, one of: rain, snow, sun")
      const asked = yield* open(root, { embedded: false, subject: Option.some("weather") })
      assert.include(asked.task.prompts.answerOnly, "Name the weather of this picture")
      const shots = yield* open(root, { shots: Option.some(2) })
      assert.deepStrictEqual([(yield* idsOf(shots.train)).length, yield* idsOf(shots.test)], [5, test])
    })))

  it.effect("say what is set aside and what is in both halves", () =>
    live(Effect.gen(function*() {
      const files = yield* pictures(
        "train/a/1.png",
        "train/a/2.png",
        "train/b/1.png",
        "train/b/cut.png",
        "test/a/1.png"
      )
      const root = yield* folder({
        ...files,
        "train/b/cut.png": files["train/b/cut.png"]!.subarray(0, 60),
        "test/b/same.png": files["train/b/1.png"]!,
        "test/c/1.png": yield* picture(99)
      })
      const source = yield* open(root)
      assert.deepStrictEqual((yield* Sources.understood(source)).slice(1), [
        "  a 2 + 1, b 1 + 1",
        "  test/ has \"c\", which no picture is trained on: its pictures are set aside",
        "  set aside: unreadable-image 1, unknown-label 1",
        "  in both halves: 1 of the 2 pictures to test on is trained on, too (test/b/same.png has the bytes of " +
        "train/b/1.png): what is measured on them tells nothing of new pictures"
      ])
      const quarantine = yield* Quarantine.collect
      yield* Stream.runDrain(source.kind === "classes" ? source.test : Stream.empty).pipe(
        Effect.provideService(Quarantine.Quarantine, quarantine)
      )
      assert.deepStrictEqual(yield* quarantine.counts, { "unknown-label": 1 }, "the run is told of them again")
    })))

  it.effect("of shares count for each label that has the most", () =>
    live(Effect.gen(function*() {
      const names = Array.from({ length: 6 }, (_, i) => `${i}.png`)
      const rows = names.map((name, i) => `${name},${["1,0,1,0", "0,1,1,0", "0,1,0,1"][i % 3]}`)
      const root = yield* folder({
        ...yield* pictures(...names),
        "train.csv": ["image,circle,square,red,blue", ...rows].join("\n"),
        "test.csv": "image,circle,square,red,blue\n0.png,1,0,0,1\n"
      })
      const said = yield* Sources.understood(yield* open(root))
      assert.include(said, "  blue 2 + 1, circle 2 + 1, red 4 + 0, square 4 + 0")
      assert.match(said.join("\n"), /every row has 2 ones.*--labels circle,square, or --labels red,blue asks one/)
    })))

  it.effect("of boxes say in how many nothing is boxed, and which are too small to show anything", () =>
    live(Effect.gen(function*() {
      const names = Array.from({ length: 6 }, (_, i) => `${i}.png`)
      const row = (image: string, i: number) =>
        JSON.stringify({ image, objects: i === 2 ? [] : [{ bbox: [0, 0, 4, 4], label: "ab"[i % 2] }] })
      const root = yield* folder({
        ...yield* pictures(...names),
        "4.png": [40, 5],
        "5.png": [7, 9],
        "data.jsonl": names.map(row).join("\n")
      })
      const source = yield* open(root)
      const said = yield* Sources.understood(source)
      assert.include(said, "  1 picture with nothing boxed in it: to be answered with no box")
      assert.match(
        said.join("\n"),
        /2 pictures with a side under 8 pixels, which show next to nothing: (?:4\.png \(40 × 5\)|5\.png \(7 × 9\)), \d/
      )
      assert.deepStrictEqual(yield* Sources.understood(source), said, "once each, however often they are read")
    })))

  it.effect("say which pictures stand under two labels, in one half or across them", () =>
    live(Effect.gen(function*() {
      const files = yield* pictures("train/a/1.png", "train/a/2.png", "train/b/1.png", "test/a/1.png", "test/b/1.png")
      const root = yield* folder({
        ...files,
        "train/a/again.png": files["train/a/1.png"]!,
        "train/b/other.png": files["train/a/2.png"]!
      })
      const said = Effect.map(Effect.flatMap(open(root), Sources.understood), (lines) => lines.slice(2))
      assert.deepStrictEqual(yield* said, [
        "  under different labels: 1 picture has the bytes of another with another label (train/a/2.png is \"a\", " +
        "train/b/other.png is \"b\"): one of the two is wrong"
      ])
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFile(`${root}/test/b/2.png`, files["train/a/1.png"]!)
      const lines = yield* said
      assert.match(lines[0]!, /in both halves: 1 of the 3 pictures/)
      assert.match(lines[1]!, /under different labels: 2 pictures have the bytes of another/)
    })))

  it.effect("say so of shares where they are far apart, and how far; rounding and raters do not count", () =>
    live(Effect.gen(function*() {
      const files = yield* pictures("1.png", "2.png", "3.png", "4.png", "5.png")
      const said = (rows: string) =>
        Effect.gen(function*() {
          const copies = { "again.png": files["1.png"]!, "more.png": files["1.png"]! }
          const others = "2.png,0,1,0\n3.png,1,0,0\n4.png,0,0,1\n5.png,0.5,0.5,0\n"
          const root = yield* folder({ ...files, ...copies, "labels.csv": `image,joy,fear,awe\n${rows}${others}` })
          return (yield* Sources.understood(yield* open(root))).filter((line) => line.includes("under different"))
        })
      const near = "1.png,0.667,0.333,0\nagain.png,0.67,0.33,0\nmore.png,0.5,0.4,0.1\n"
      assert.deepStrictEqual(yield* said(near), [])
      const far = yield* said("1.png,0.667,0.333,0\nagain.png,0.67,0.33,0\nmore.png,0.1,0.3,0.6\n")
      assert.lengthOf(far, 1)
      // From its definition in NumPy.
      assert.match(far[0]!, /1 picture has the bytes of .*, JSD 0\.326 nats\): one of the two is wrong/)
    })))

  it.effect("of a table of shares are distributions, asked as Emotion6 asks", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...yield* pictures("1.png", "2.png", "3.png", "4.png"),
        "labels.csv": "image,joy,fear\n1.png,3,1\n2.png,0,4\n3.png,4,0\n4.png,1,3\n"
      })
      const source = yield* open(root)
      if (source.kind !== "classes") throw new Error(source.kind)
      assert.isFalse(source.single)
      assert.strictEqual(
        source.task.prompts.annotate,
        Emotion6.task.prompts.annotate.replace(Emotion6.labels.join(", "), "fear, joy")
      )
      assert.include((yield* Sources.understood(source)).join("\n"), "votes: rows sum to 4, read as shares")
      const named = yield* open(`${root}/labels.csv`, { labels: Option.some(["joy", "fear"]) })
      assert.deepStrictEqual([named.labels, named.task.name], [["joy", "fear"], "labels"])
    })))

  it.effect("may have labels that are numbers, where one is the answer", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(yield* pictures(...["7", "10", "3d"].flatMap((label) => numbered(label, 2))))
      const source = yield* open(root)
      if (source.kind !== "classes") throw new Error(source.kind)
      assert.deepStrictEqual(source.labels, ["10", "3d", "7"])
      for (const [i, label] of source.labels.entries()) {
        const truth = source.labels.map((_, j) => i === j ? 1 : 0)
        assert.strictEqual(source.task.encode(truth), label)
        assert.deepStrictEqual(source.task.decode(label), Result.succeed(truth))
      }
      const shares = yield* folder({
        ...yield* pictures("1.png", "2.png"),
        "labels.csv": "image,7,8\n1.png,0.5,0.5\n2.png,1,0\n"
      })
      assert.match(
        (yield* Effect.flip(open(shares))).message,
        /labels: label "7" has a word that reads as a number, and percents follow labels: spell it out\. Rename it/
      )
      const tags = yield* folder(yield* pictures(...numbered("<b>", 2), ...numbered("a", 2)))
      assert.match((yield* Effect.flip(open(tags))).message, /label "<b>" contains an angle bracket.*Rename it where/)
      const twice = Effect.flip(open(`${tags}/gone`, { labels: Option.some(["a", "a"]) }))
      assert.match((yield* twice).message, /"a" is listed twice/)
      assert.match(
        (yield* Effect.flip(open(tags, { task: Option.some("detection") }))).message,
        /it has labels and no boxes \(class folders\), which --task detection needs/
      )
    })))

  it("a detection task for the embedded checkpoint is CocoSub's", () => {
    assert.strictEqual(CocoSub.embedded.prompts.answerOnly, "Name the things in this picture and their place.")
  })
})
