/** What a run's data are, as its report tells them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Stream } from "effect"
import type { Sample, Task } from "../../src/dsl/Task.ts"
import * as Results from "../../src/evaluation/Results.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import * as Sources from "../../src/sources/index.ts"
import { inFolder } from "../../src/studies/folder.ts"
import { Classification } from "../../src/tasks/classification/index.ts"
import { Box, BoxCodec, Detection } from "../../src/tasks/detection/index.ts"
import { folder, live, png } from "../data/folders.ts"
import { logs } from "../dsl/logs.ts"

const task = Classification.make({ name: "weather", labels: ["sunny", "rainy", "snow"], subject: "weather" })

describe("the data of a report", () => {
  it.effect("are labels in both halves, rows that were set aside with reasons, and pictures that are there twice", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const data = yield* folder({
        "a.png": [8, 8],
        "b.png": [9, 8],
        "c.png": [10, 8],
        "d.png": [8, 8],
        "train.csv": "image,sunny,rainy,snow\na.png,0.8,0.2,0\nb.png,0,1,0\ngone.png,1,0,0\n",
        "val.csv": "image,sunny,rainy,snow\nc.png,0,1,0\nd.png,0.8,0.2,0\n"
      })
      yield* fs.copyFile(`${data}/a.png`, `${data}/d.png`)
      yield* logs(Effect.gen(function*() {
        const { test, train } = yield* Sources.softLabels({
          task,
          data: Option.some(data),
          shots: Option.none(),
          seed: 0
        })
        yield* Results.write([]).pipe(
          inFolder({ out: `${data}/run`, seed: 0, task, train, test, config: {} })
        )
      }))
      const found = JSON.parse(yield* fs.readFileString(`${data}/run/data.json`))
      assert.deepStrictEqual(found, {
        kind: "labels",
        train: { pictures: 2 },
        test: { pictures: 2 },
        labels: [
          { label: "sunny", train: { pictures: 1, amount: 0.8 }, test: { pictures: 1, amount: 0.8 } },
          { label: "rainy", train: { pictures: 1, amount: 1.2 }, test: { pictures: 1, amount: 1.2 } }
        ],
        both: { count: 1, first: [{ test: "d.png", train: "a.png" }] },
        contradicting: 0
      })
      const html = yield* fs.readFileString(`${data}/run/report.html`)
      assert.include(html, "<th scope=\"row\">sunny</th><td>1</td><td>40.0%</td><td>1</td><td>40.0%</td>")
      assert.include(html, "1 of the 2 pictures to test on are trained on, too")
      assert.include(html, "d.png <small>(trained on as a.png)</small>")
      assert.include(html, "Set aside: 1 (missing-file 1)")
      assert.include(html, "1 row of the data was set aside (missing-file 1).")
    })))

  it.effect("count ties by the shares as the data have them, not by the whole percents that a model reads", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const bytes = yield* png(8, 8)
      const truths = [[1 / 3, 1 / 3, 1 / 3], [0.33, 0.33, 0.34], [0.998, 0.002, 0]]
      const train = Stream.fromIterable(truths.map((truth, i) => ({ image: Image.encoded(`${i}.png`, bytes), truth })))
      yield* logs(
        inFolder({ out: `${root}/run`, seed: 0, task, train, test: Stream.empty, config: {} })(Results.write([]))
      )
      const { labels } = JSON.parse(yield* fs.readFileString(`${root}/run/data.json`))
      const none = { pictures: 0, amount: 0 }
      assert.deepStrictEqual(labels, [
        { label: "sunny", train: { pictures: 2, amount: 1 / 3 + 0.33 + 0.998 }, test: none },
        { label: "rainy", train: { pictures: 1, amount: 1 / 3 + 0.33 + 0.002 }, test: none },
        { label: "snow", train: { pictures: 2, amount: 1 / 3 + 0.34 }, test: none }
      ])
      assert.include(yield* fs.readFileString(`${root}/run/report.html`), "where several tie, each of them counts")
    })))

  it.effect("are equal pictures under annotations that are far apart: by divergence, by IoU, by any difference", () =>
    live(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const bytes = yield* png(8, 8)
      let runs = 0
      /** How many of these annotations, all of one picture, contradict the first. */
      const contradicting = <A>(task: Task<A>, truths: ReadonlyArray<A>) =>
        Effect.gen(function*() {
          const out = `${root}/${runs++}`
          const train = Stream.fromIterable(truths.map((truth, i): Sample<A> => ({
            image: Image.encoded(`${i}.png`, bytes),
            truth
          })))
          yield* logs(inFolder({ out, seed: 0, task, train, test: train, config: {} })(Results.write([])))
          // Those of the half to test on are the same once more.
          return JSON.parse(yield* fs.readFileString(`${out}/data.json`)).contradicting / 2
        })
      assert.strictEqual(yield* contradicting(task, [[0.67, 0.33, 0], [0.5, 0.5, 0], [0, 0.4, 0.6]]), 1)
      const boxes = Detection.make({
        name: "cups",
        subject: "cups",
        codec: BoxCodec.scenes({ labels: ["cup", "hat"] })
      })
      const at = (label: string, width: number) => [{ label, box: Box.make("thousandths", [100, 100, width, 200]) }]
      const rows = [at("cup", 400), at("cup", 350), at("cup", 250), at("hat", 400)]
      assert.strictEqual(yield* contradicting(boxes, rows), 2, "IoU 7/8, 5/8 and none")
      const { described: _, ...own } = task
      assert.strictEqual(yield* contradicting(own, [[0.67, 0.33, 0], [0.66, 0.34, 0]]), 1, "of a script's own task")
    })))
})
