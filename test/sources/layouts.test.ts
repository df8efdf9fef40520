import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Stream } from "effect"
import { Subset } from "../../src/data/index.ts"
import * as Quarantine from "../../src/dsl/Quarantine.ts"
import * as Presets from "../../src/pipelines/Presets.ts"
import { forTask } from "../../src/pipelines/taskPresets.ts"
import * as Sources from "../../src/sources/index.ts"
import { ImagenetSub } from "../../src/tasks/classification/index.ts"
import { CocoSub, Lisa } from "../../src/tasks/detection/index.ts"
import { folder, live } from "../data/folders.ts"
import { logs } from "../dsl/logs.ts"

const options = (data?: string, shots?: number, embedded = false): Sources.Options => ({
  data: Option.fromNullishOr(data),
  shots: Option.fromNullishOr(shots),
  seed: 0,
  embedded
})
const quiet = Effect.provideService(Quarantine.Quarantine, { add: () => Effect.void })

describe("sources", () => {
  it.effect("are the embedded scenes without a folder, in their sizes, and say what a text names", () =>
    Effect.gen(function*() {
      const all = [
        yield* Sources.lisa(options(undefined, undefined, true)),
        yield* Sources.imagenetSub(options(undefined, undefined, true)),
        yield* Sources.cocoSub(options(undefined, undefined, true))
      ]
      const sizes = yield* Effect.forEach(
        all,
        ({ test, train }) =>
          Effect.all([
            Stream.runCount<unknown, { readonly message: string }, NodeServices.NodeServices>(train),
            Stream.runCount<unknown, { readonly message: string }, NodeServices.NodeServices>(test)
          ])
      )
      assert.deepStrictEqual(sizes, [[1386, 594], [500, 200], [2000, 800]])
      for (const { cuesNamed, name, shots } of all) {
        assert.match(name, /synthetic/)
        assert.strictEqual(shots, "full")
        assert.isTrue(new Set(cuesNamed?.("a drum at night")).has("drum"))
      }
      assert.strictEqual((yield* Sources.lisa(options())).task, Lisa.task)
      assert.strictEqual((yield* Sources.lisa(options(undefined, undefined, true))).task, Lisa.embedded)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("draw shots: in all for lisa, of each class for the others, from the training half alone", () =>
    Effect.gen(function*() {
      const lisa = yield* Sources.lisa(options(undefined, 4, true))
      assert.strictEqual(lisa.shots, "4")
      const four = yield* Stream.runCollect(lisa.train)
      assert.strictEqual(four.length, 4)
      assert.isTrue(four.every(({ question }) => question !== undefined))
      assert.strictEqual(yield* Stream.runCount(lisa.test), 594)
      const again = yield* Stream.runCollect((yield* Sources.lisa(options(undefined, 16, true))).train)
      const ids = again.map(({ image }) => image.id)
      assert.isTrue(four.every(({ image }) => ids.includes(image.id)), "16 shots hold the 4")

      const objects = yield* Sources.imagenetSub(options(undefined, 4, true))
      const drawn = yield* Stream.runCollect(objects.train)
      assert.deepStrictEqual(
        [...Map.groupBy(drawn, ({ truth }) => objects.task.classOf(truth)).values()].map((samples) => samples.length),
        Array.from({ length: 20 }, () => 4)
      )

      const things = yield* Stream.runCollect((yield* Sources.cocoSub(options(undefined, 4, true))).train)
      assert.strictEqual(things.length, 35 * 4)
      for (const label of CocoSub.embedded.codec.labels ?? []) {
        assert.isAtLeast(things.filter(({ truth }) => truth.some((target) => target.label === label)).length, 4, label)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("know what knows no picture: the mean box, even odds", () =>
    Effect.gen(function*() {
      const lisa = yield* Sources.lisa(options(undefined, undefined, true))
      const [{ box } = assert.fail()] = yield* lisa.mean!(Stream.map(lisa.train, ({ truth }) => truth))
      const boxes = (yield* Stream.runCollect(lisa.train)).map(({ truth }) => truth[0]!.box)
      for (const k of [0, 1, 2, 3] as const) {
        assert.closeTo(
          box[k],
          boxes.reduce((sum, one) => sum + one[k], 0) / boxes.length,
          1e-9
        )
      }
      const objects = yield* Sources.imagenetSub(options(undefined, undefined, true))
      for (const p of yield* objects.mean!(Stream.map(objects.train, ({ truth }) => truth))) {
        assert.closeTo(p, 1 / 20, 1e-12)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("read ReasonSeg's halves with their questions, boxes in thousandths", () =>
    live(
      Effect.gen(function*() {
        const entry = (question: string) =>
          JSON.stringify({
            text: [question],
            shapes: [{ label: "target", points: [[2, 1], [12, 1], [12, 6], [2, 6]] }]
          })
        const root = yield* folder({
          "train/a.jpg": [20, 10],
          "train/a.json": entry("What keeps one dry?"),
          "train/b.jpg": [20, 10],
          "train/b.json": entry("What is warm?"),
          "train/b2.json": "{",
          "val/c.jpg": [20, 10],
          "val/c.json": entry("What flies?"),
          "test/d.jpg": [20, 10],
          "test/d.json": entry("no")
        })
        const { task, test, train } = yield* Sources.lisa(options(root))
        const samples = yield* Stream.runCollect(train)
        assert.deepStrictEqual(samples.map(({ question, truth }) => [question, [...truth[0]!.box].map(Math.round)]), [
          ["What keeps one dry?", [100, 100, 500, 500]],
          ["What is warm?", [100, 100, 500, 500]]
        ])
        assert.strictEqual(task, Lisa.task)
        assert.deepStrictEqual((yield* Stream.runCollect(test)).map(({ question }) => question), ["What flies?"])
        const error = yield* Effect.flip(Sources.lisa(options(`${root}/train`)))
        assert.match(error.message, /none of train in it, expected ReasonSeg/)
      }).pipe(quiet)
    ))

  it.effect("say what a folder should hold", () =>
    live(
      Effect.gen(function*() {
        const root = yield* folder({ "train.csv": "" })
        const messageOf = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
          Effect.map(Effect.flip(effect), ({ message }) => message)
        assert.match(
          yield* messageOf(Sources.cocoSub(options(root))),
          /none of instances\.json, .* in it, expected instances\.json beside its pictures/
        )
        assert.match(
          yield* messageOf(Effect.flatMap(Sources.imagenetSub(options(root)), ({ train }) => Stream.runDrain(train))),
          /no folder "analog clock" for the label "analog clock"/
        )
      }).pipe(quiet)
    ))

  it.effect("read ImageNet's folders by name or by WordNet id, with halves or to be drawn from", () =>
    live(
      Effect.gen(function*() {
        const pictures = (half: string, nameOf: (label: string) => string, count: number) =>
          Object.fromEntries(Subset.imagenetLabels.flatMap((label) =>
            Array.from({ length: count }, (_, i) => [`${half}${nameOf(label)}/${i}.png`, [8, 8] as const])
          ))
        const byId = yield* folder({
          ...pictures("train/", (label) =>
            Subset.imagenetFolders[label]!, 2),
          ...pictures("val/", (label) => Subset.imagenetFolders[label]!, 11)
        })
        const halves = yield* Sources.imagenetSub(options(byId))
        assert.strictEqual(halves.task.labels.length, 20)
        assert.strictEqual(halves.task.prompts.annotate, ImagenetSub.task.prompts.annotate)
        assert.deepStrictEqual([yield* Stream.runCount(halves.train), yield* Stream.runCount(halves.test)], [40, 200])
        const named = yield* folder(pictures("", (label) => label, 12))
        const { test, train } = yield* Sources.imagenetSub(options(named, undefined, true))
        assert.deepStrictEqual([yield* Stream.runCount(train), yield* Stream.runCount(test)], [40, 200])
      }).pipe(quiet)
    ))

  it.effect("read COCO's folder and a lone instances file, which it splits by picture", () =>
    live(
      Effect.gen(function*() {
        const file = (count: number, from: number) =>
          JSON.stringify({
            images: Array.from(
              { length: count },
              (_, i) => ({ id: from + i, file_name: `${from + i}.png`, width: 20, height: 10 })
            ),
            annotations: Array.from(
              { length: count },
              (_, i) => ({ image_id: from + i, category_id: 1, bbox: [2, 1, 10, 5], iscrowd: 0 })
            ),
            categories: [{ id: 1, name: "dog" }]
          })
        const pictures = (prefix: string, count: number, from: number) =>
          Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${from + i}.png`, [20, 10] as const]))
        const small = yield* folder({ ...pictures("", 14, 0), "instances.json": file(14, 0) })
        const { task, test, train } = yield* Sources.cocoSub(options(small, undefined, true))
        assert.deepStrictEqual([yield* Stream.runCount(train), yield* Stream.runCount(test)], [10, 4])
        const ids = (samples: typeof train) =>
          Effect.map(Stream.runCollect(samples), (all) => all.map(({ image }) => image.id))
        assert.strictEqual(new Set([...yield* ids(train), ...yield* ids(test)]).size, 14)
        assert.strictEqual(task.encode((yield* Stream.runCollect(test))[0]!.truth), "dog [100, 100, 500, 500]")
        const whole = yield* folder({
          ...pictures("train2017/", 4, 0),
          ...pictures("val2017/", 3, 90),
          "annotations/instances_train2017.json": file(4, 0),
          "annotations/instances_val2017.json": file(3, 90)
        })
        const coco = yield* Sources.cocoSub(options(whole))
        assert.deepStrictEqual([yield* ids(coco.train), yield* ids(coco.test)], [["0.png", "1.png", "2.png", "3.png"], [
          "90.png",
          "91.png",
          "92.png"
        ]])
      }).pipe(quiet)
    ))
})

describe("a COCO file's classes", () => {
  const entry = { id: 1, file_name: "a.png", width: 20, height: 10 }
  const file = (name: string, more: ReadonlyArray<unknown> = []) =>
    JSON.stringify({
      images: [entry],
      annotations: [{ image_id: 1, category_id: 1, bbox: [2, 1, 10, 5] }, ...more],
      categories: [{ id: 1, name }]
    })

  it.effect("are an error where a model could not write them, and no defect", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({ "a.png": [20, 10], "instances.json": file("cup (empty)") })
      const error = yield* Effect.flip(Sources.cocoSub(options(root)))
      assert.strictEqual(
        error.message,
        `${root}: categories: task "coco-sub": label "cup (empty)" must be words without brackets`
      )
    })))

  it.effect("are those of both halves", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "train2017/a.png": [20, 10],
        "val2017/a.png": [20, 10],
        "annotations/instances_train2017.json": file("cup"),
        "annotations/instances_val2017.json": file("hat")
      })
      const { task } = yield* Sources.cocoSub(options(root))
      assert.deepStrictEqual(task.codec.labels, ["cup", "hat"])
    })))

  it.effect("are looked up without a word: whoever reads the samples is told of what was set aside", () =>
    live(Effect.gen(function*() {
      const root = yield* folder({
        "a.png": [20, 10],
        "instances.json": file("cup", [{ image_id: 9, category_id: 1, bbox: [2, 1, 10, 5] }])
      })
      const opened = yield* logs(Sources.cocoSub(options(root)))
      assert.deepStrictEqual(opened.lines, [])
      const { test, train } = Option.getOrThrow(Result.getSuccess(opened.result))
      const { lines } = yield* logs(Effect.all([Stream.runDrain(train), Stream.runDrain(test)]))
      assert.deepStrictEqual(lines, [
        `${root}/instances.json#annotations: 1 of its 2 annotations is set aside: unknown-image 1\n  annotation ` +
        `2: unknown-image: image 9 is not listed`
      ])
    })))
})

describe("presets of tasks", () => {
  it("are plain data, give answers the room they need, and leave the paper's alone", () => {
    for (const task of ["lisa", "imagenet-sub", "coco-sub"] as const) {
      assert.strictEqual(forTask(task, Presets.paper), Presets.paper)
      for (const name of ["quick", "full", "photos", "smoke"] as const) {
        const preset = forTask(task, Presets.presets[name])
        assert.deepStrictEqual(JSON.parse(JSON.stringify(preset)), preset)
        assert.strictEqual(preset.name, name)
        assert.notInclude(JSON.stringify(preset), "mask")
        assert.isAtLeast(
          preset.evaluate.maxTokens,
          (preset.generate.maxTokens ?? 0) + (preset.reconstruct.maxTokens ?? 0)
        )
      }
    }
    assert.strictEqual(Presets.quick.generate.grammar, undefined)
    assert.strictEqual(forTask("coco-sub", Presets.photos).filter.tau, 0)
    assert.strictEqual(forTask("lisa", Presets.quick).filter.tau, 0.75)
    // Its reasonings before training name the wrong thing as a rule.
    assert.isUndefined(forTask("lisa", Presets.quick).warmUp)
    assert.isDefined(forTask("coco-sub", Presets.quick).warmUp)
  })
})
