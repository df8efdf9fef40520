/** The task beside a model: found, or why not; asked about pictures in place of one that is made of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Stream } from "effect"
import * as TaskFile from "../../src/dsl/TaskFile.ts"
import * as Sources from "../../src/sources/index.ts"
import { Classification, Emotion6 } from "../../src/tasks/classification/index.ts"
import { BoxCodec, CocoSub, Detection, Lisa } from "../../src/tasks/detection/index.ts"
import { folder, live } from "../data/folders.ts"

const weather = Classification.forEmbedded({ name: "weather", labels: ["sun", "rain", "fog"], answer: "single" })

const written = (described: unknown) => folder({ "rise-task.json": JSON.stringify(described) })

const saved = (described: unknown) =>
  Effect.map(Effect.flatMap(written(described), Sources.taskOf), (found) => Option.getOrThrow(found))

const faultOf = (directory: string) => Effect.map(Effect.flip(Sources.taskOf(directory)), ({ message }) => message)

describe("taskOf", () => {
  it.effect("reads what was written beside a model, and knows where nothing was", () =>
    live(Effect.gen(function*() {
      const found = yield* saved(weather.described)
      assert.deepStrictEqual([found.kind, found.task.name], ["classification", "weather"])
      assert.strictEqual(found.form, "think", "as models were saved that say nothing of it")
      const alone = yield* saved({ ...CocoSub.embedded.described as object, form: "answer" })
      assert.deepStrictEqual([alone.kind, alone.form], ["detection", "answer"])
      assert.isTrue(Option.isNone(yield* Sources.taskOf("embedded")))
      assert.isTrue(Option.isNone(yield* Sources.taskOf(yield* folder({ "config.json": "{}" }))))
    })))

  it.effect("says of a task in code that its script has to ask", () =>
    live(Effect.gen(function*() {
      const directory = yield* folder({})
      const { described: _, ...pair } = { ...weather, name: "pair" }
      yield* TaskFile.write(directory, pair, "think")
      const error = yield* Effect.flip(Sources.taskOf(directory))
      assert.strictEqual(error._tag, "TaskInCode")
      assert.match(error.message, /was trained for the task "pair", which is written in code: ask it from a script/)
    })))

  it.effect("says of a damaged file what is wrong, and what to do", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const next = /train again, or remove the file and say it yourself \(--labels\)$/
      const cases: ReadonlyArray<readonly [string | Uint8Array, RegExp]> = [
        ["", /rise-task\.json: not JSON: /],
        ["{\"version\": 1, \u001b[31m", /not JSON: [^\u001b]*$/],
        [Uint8Array.of(0x7b, 0xff, 0x7d), /not JSON: /],
        [`version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 9\n`, /git lfs pull|LFS/],
        ["[".repeat(100_000), /not JSON|no description/],
        ["{\"version\": 1, \"version\": 2}", /json: line 1, column 16: "version" stands twice in one object/],
        [" ".repeat(16 * 2 ** 20 + 1), /16777217 bytes, expected at most 16777216/],
        [JSON.stringify({ ...Emotion6.task.described as object, version: 7 }), /of version 7/],
        [JSON.stringify({ ...Emotion6.task.described as object, form: "aloud" }), /a form that is neither think nor/]
      ]
      for (const [content, expected] of cases) {
        const message = yield* faultOf(yield* folder({ "rise-task.json": content }))
        assert.match(message, expected)
        assert.match(message, next)
      }
      const root = yield* folder({ "x.txt": "" })
      yield* fs.makeDirectory(`${root}/rise-task.json`)
      assert.match(yield* faultOf(root), /a directory, expected a file/)
    })))
})

const open = (data: string, as: Sources.SavedTask, more: Partial<Sources.PicturesOptions> = {}) =>
  Sources.pictures({
    data,
    embedded: false,
    labels: Option.some(as.kind === "classification" ? as.task.labels : as.task.codec.labels ?? []),
    seed: 0,
    shots: Option.none(),
    subject: Option.none(),
    task: Option.some(as.kind),
    as,
    ...more
  })

const pictures = { "sun/1.png": [4, 4], "sun/2.png": [4, 5], "rain/1.png": [5, 4], "hail/1.png": [6, 4] } as const

describe("pictures of a model's task", () => {
  it.effect("are asked as it was trained, in the order of its labels; others are set aside", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(pictures)
      const source = yield* open(root, yield* saved(weather.described), { hold: false })
      if (source.kind !== "classes") throw new Error(source.kind)
      assert.deepStrictEqual([source.labels, source.task.labels], [weather.labels, weather.labels])
      assert.deepStrictEqual(source.task.prompts.annotate, weather.prompts.annotate)
      const all = yield* Stream.runCollect(source.train)
      assert.deepStrictEqual(
        Object.fromEntries(all.map(({ image, truth }) => [image.id, source.task.encode(truth)])),
        { "sun/1.png": "sun", "sun/2.png": "sun", "rain/1.png": "rain" }
      )
      assert.deepStrictEqual(yield* Stream.runCollect(source.test), [], "none is held out")
    })))

  it.effect("of boxes count as shares, which a model of single labels is told of", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        ...pictures,
        "data.jsonl": [
          {
            image: "sun/1.png",
            objects: [{ bbox: [0, 0, 2, 2], label: "sun" }, { bbox: [1, 1, 2, 2], label: "rain" }]
          },
          { image: "rain/1.png", objects: [{ bbox: [0, 0, 2, 2], label: "rain" }] }
        ].map((row) => `${JSON.stringify(row)}\n`).join("")
      })
      const source = yield* open(root, yield* saved(weather.described), { hold: false })
      if (source.kind !== "classes") throw new Error(source.kind)
      assert.include(source.notes.join("\n"), "the model answers with one label")
      const all = yield* Stream.runCollect(source.train)
      assert.deepStrictEqual(all.map(({ truth }) => truth).toSorted(), [[0, 1, 0], [0.5, 0.5, 0]])
    })))

  it.effect("are refused where it cannot be asked about them", () =>
    live(Effect.gen(function*() {
      const root = yield* folder(pictures)
      const pixels = Detection.make({ name: "px", subject: "it", codec: BoxCodec.qwen25Vl() })
      const cases: ReadonlyArray<readonly [unknown, RegExp]> = [
        [Lisa.task.described, /"lisa", which the model was trained for, asks every picture a question.*Rise\.evaluate/],
        [pixels.described, /"px", which .* writes boxes in the space "resized".*Rise\.evaluate.*BoxTruth\.inFrame/],
        [CocoSub.embedded.described, /it has labels and no boxes \(class folders\), which "coco-sub", the task of the/]
      ]
      for (const [described, expected] of cases) {
        const as = yield* saved(described)
        assert.match((yield* Effect.flip(open(root, as, { labels: Option.none() }))).message, expected)
      }
    })))
})
