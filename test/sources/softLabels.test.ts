import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option, Stream } from "effect"
import sharp from "sharp"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import * as Sources from "../../src/sources/index.ts"
import { barsOf } from "../../src/studies/index.ts"
import { Classification, Emotion6 } from "../../src/tasks/classification/index.ts"
import { logs } from "../dsl/logs.ts"

const task = Classification.make({ name: "weather", labels: ["sunny", "rainy"], subject: "weather" })

const folder = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const png = yield* Effect.promise(() =>
    sharp({ create: { width: 16, height: 16, channels: 3, background: "red" } }).png().toBuffer()
  )
  for (const name of ["a", "b", "c", "d"]) yield* fs.writeFile(`${directory}/${name}.png`, png)
  yield* fs.writeFile(`${directory}/cut.png`, png.subarray(0, png.length - 20))
  yield* fs.writeFileString(
    `${directory}/train.csv`,
    "image,sunny,rainy\na.png,1,0\nb.png,0.9,0.1\ncut.png,0,1\ngone.png,0,1\nc.png,0.5,0.1\nd.png,0.2,0.8\n"
  )
  yield* fs.writeFileString(`${directory}/val.csv`, "image,sunny,rainy\na.png,1,0\n")
  return directory
})

const open = (data: Option.Option<string>, shots: Option.Option<number> = Option.none()) =>
  Sources.softLabels({ task, data, shots, seed: 0 })
const ids = (samples: Sources.Source["train"]) =>
  Effect.map(Stream.runCollect(samples), (found) => found.map(({ image }) => image.id))

describe("source", () => {
  it.effect("warns of test pictures that are trained on, and of nothing where there are none", () =>
    Effect.gen(function*() {
      const directory = yield* folder
      const { lines } = yield* logs(open(Option.some(directory)))
      assert.deepStrictEqual(lines.length, 1)
      assert.include(
        lines[0],
        "1 of 1 test pictures are also trained on, a.png first: what is measured on them is memory"
      )
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${directory}/train.csv`, "image,sunny,rainy\nb.png,0.9,0.1\n")
      assert.deepStrictEqual((yield* logs(open(Option.some(directory)))).lines, [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("sets aside broken rows and pictures, counts each once, and goes on", () =>
    Effect.gen(function*() {
      const quarantine = yield* Quarantine.collect
      const { cuesNamed, test, train } = yield* open(Option.some(yield* folder))
      assert.isUndefined(cuesNamed)
      const read = Effect.provideService(
        Effect.all([ids(train), ids(train), ids(test)]),
        Quarantine.Quarantine,
        quarantine
      )
      assert.deepStrictEqual(yield* read, [["a.png", "b.png", "d.png"], ["a.png", "b.png", "d.png"], ["a.png"]])
      assert.deepStrictEqual(yield* quarantine.counts, { "missing-file": 1, sum: 1, "unreadable-image": 1 })
      // A collector that comes later, as a run folder's does, is told the same.
      const later = yield* Quarantine.collect
      yield* Effect.provideService(ids(train), Quarantine.Quarantine, later)
      assert.deepStrictEqual(yield* later.counts, { "missing-file": 1, sum: 1, "unreadable-image": 1 })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.effect("says so when no picture can be read", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/x.png`, "no picture")
      for (const half of ["train", "test"]) {
        yield* fs.writeFileString(`${directory}/${half}.csv`, "image,sunny,rainy\nx.png,1,0\n")
      }
      const error = yield* Effect.flip(Effect.flatMap(open(Option.some(directory)), ({ train }) => ids(train)))
      assert.match(
        error.message,
        new RegExp(
          /train\.csv \(pictures\): none of its pictures can be read: /.source +
            /unreadable-image 1\. First, unreadable-image: x\.png: \S/.source
        )
      )
    }).pipe(
      Effect.scoped,
      Effect.provideService(Quarantine.Quarantine, { add: () => Effect.void }),
      Effect.provide(NodeServices.layer)
    ))

  it.effect("draws shots per class from the training half alone", () =>
    Effect.gen(function*() {
      const scenes = yield* Sources.softLabels({
        task: Emotion6.task,
        data: Option.none(),
        shots: Option.some(2),
        seed: 0
      })
      const train = yield* Stream.runCollect(scenes.train)
      const counts = Map.groupBy(train, ({ truth }) => Emotion6.task.classOf(truth))
      assert.isTrue([...counts.values()].every((samples) => samples.length === 2))
      assert.strictEqual(yield* Stream.runCount(scenes.test), 594)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("means distributions", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Sources.meanDistribution(Stream.make([1, 0], [0.5, 0.5])), [0.75, 0.25])
      assert.deepStrictEqual(barsOf(task)([0.75, 0.25]), [{ label: "sunny", value: 0.75 }, {
        label: "rainy",
        value: 0.25
      }])
    }))
})
