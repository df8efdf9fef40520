import { assert, describe, it } from "@effect/vitest"
import { Option, Schema } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { AveragePrecision, Box, type Target } from "../../../src/tasks/detection/index.ts"
import { stopwatch } from "../../stopwatch.ts"
import { annotation, runs, Seed } from "./boxes.ts"

const read = <A>(path: URL, schema: Schema.Codec<A, unknown>): A =>
  Schema.decodeUnknownSync(Schema.fromJsonString(schema))(readFileSync(path, "utf8"))
const Xywh = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite, Schema.Finite])

const Cases = Schema.Array(Schema.Struct({
  name: Schema.String,
  pictures: Schema.Array(Schema.Struct({
    truth: Schema.Array(Schema.Tuple([Schema.String, Xywh, Schema.Boolean])),
    predicted: Schema.Array(Schema.Tuple([Schema.String, Xywh, Schema.Finite]))
  })),
  expected: Schema.Struct({
    ap: Schema.Finite,
    ap50: Schema.Finite,
    ap75: Schema.Finite,
    recall: Schema.Finite,
    at: Schema.Array(Schema.Finite),
    recallAt: Schema.Array(Schema.Finite),
    classes: Schema.Record(Schema.String, Schema.Finite)
  })
}))

const absolute = (xywh: typeof Xywh.Type) => Box.make("absolute", xywh)
const mean = (values: Iterable<number>) => [...values].reduce((a, b, _, { length }) => a + b / length, 0)

describe("AveragePrecision", () => {
  for (const { expected, name, pictures } of read(new URL("../../fixtures/detection.json", import.meta.url), Cases)) {
    it(`agrees with pycocotools: ${name}`, () => {
      const given = pictures.map(({ predicted, truth }) => ({
        truth: truth.map(([label, box, crowd]) => ({ label, box: absolute(box), crowd })),
        predicted: predicted.map(([label, box, score]) => ({ label, box: absolute(box), score }))
      }))
      const figures = Option.getOrThrow(AveragePrecision.evaluate<"absolute">(given))
      // The curve of a report has that average precision below it.
      const evaluator = AveragePrecision.make<"absolute">()
      for (const picture of given) evaluator.add(picture)
      assert.strictEqual(evaluator.precisions().length, 101)
      assert.closeTo(mean(evaluator.precisions()), expected.ap50, 1e-12)
      assert.closeTo(figures.ap, expected.ap, 1e-12)
      assert.closeTo(figures.at.get(0.5)!, expected.ap50, 1e-12)
      assert.closeTo(figures.at.get(0.75)!, expected.ap75, 1e-12)
      assert.closeTo(mean(figures.recall.values()), expected.recall, 1e-12)
      ;[...figures.at.values()].forEach((value, t) => assert.closeTo(value, expected.at[t]!, 1e-12))
      ;[...figures.recall.values()].forEach((value, t) => assert.closeTo(value, expected.recallAt[t]!, 1e-12))
      assert.deepStrictEqual([...figures.classes.keys()].sort(), Object.keys(expected.classes).sort())
      for (const [label, value] of figures.classes) assert.closeTo(value, expected.classes[label]!, 1e-12)
    })
  }

  const oracles = new URL("../../../../shared/oracles/", import.meta.url)
  const Truth = Schema.Struct({
    images: Schema.Array(Schema.Struct({ id: Schema.Int })),
    annotations: Schema.Array(
      Schema.Struct({ image_id: Schema.Int, category_id: Schema.Int, bbox: Xywh, iscrowd: Schema.Int })
    )
  })
  const Results = Schema.Array(
    Schema.Struct({ image_id: Schema.Int, category_id: Schema.Int, bbox: Xywh, score: Schema.Finite })
  )

  it("gives COCO's published figures for its example detections, at 20,000 boxes a second", ({ skip }) => {
    const file = new URL("instances_val2014_100.json", oracles)
    skip(!existsSync(file), "COCO's example detections are not beside this checkout (../shared/oracles)")
    const { annotations, images } = read(file, Truth)
    const results = read(new URL("instances_val2014_fakebbox100_results.json", oracles), Results)
    assert.strictEqual(images.length, 100)
    const truths = Map.groupBy(annotations, ({ image_id }) => image_id)
    const predictions = Map.groupBy(results, ({ image_id }) => image_id)
    const pictures = images.map(({ id }) => id).sort((a, b) => a - b).map((id) => ({
      truth: (truths.get(id) ?? []).map(({ bbox, category_id, iscrowd }): Target<"absolute"> => ({
        label: String(category_id),
        box: absolute(bbox),
        crowd: iscrowd === 1
      })),
      predicted: (predictions.get(id) ?? []).map(({ bbox, category_id, score }) => ({
        label: String(category_id),
        box: absolute(bbox),
        score
      }))
    }))
    const boxes = annotations.length + results.length
    let fastest = 0
    let figures = Option.none<AveragePrecision.Figures>()
    for (let round = 0; round < 5; round++) {
      const spent = stopwatch()
      figures = AveragePrecision.evaluate(pictures)
      fastest = Math.max(fastest, boxes / (spent()) * 1000)
    }
    const { ap, at } = Option.getOrThrow(figures)
    assert.closeTo(ap, 0.505, 1e-3)
    assert.closeTo(at.get(0.5)!, 0.697, 1e-3)
    assert.closeTo(at.get(0.75)!, 0.573, 1e-3)
    assert.isAbove(fastest, 20_000)
  })

  it("has nothing to say about a test set without boxes, and 0 for one without answers", () => {
    const box = absolute([1, 1, 5, 5])
    assert.isTrue(Option.isNone(AveragePrecision.evaluate<"absolute">([])))
    assert.isTrue(Option.isNone(AveragePrecision.evaluate<"absolute">([{ truth: [], predicted: [{ box }] }])))
    assert.isTrue(
      Option.isNone(AveragePrecision.evaluate<"absolute">([{ truth: [{ box, crowd: true }], predicted: [{ box }] }]))
    )
    assert.strictEqual(
      Option.getOrThrow(AveragePrecision.evaluate<"absolute">([{ truth: [{ box }], predicted: [] }])).ap,
      0
    )
  })

  it("a false box in an empty picture costs precision", () => {
    const box = absolute([1, 1, 5, 5])
    const found = { truth: [{ box }], predicted: [{ box, score: 0.5 }] }
    const spurious = { truth: [], predicted: [{ box, score: 0.9 }] }
    assert.closeTo(Option.getOrThrow(AveragePrecision.evaluate([found])).ap, 1, 1e-12)
    assert.closeTo(Option.getOrThrow(AveragePrecision.evaluate([found, spurious])).ap, 0.5, 1e-12)
  })

  it.prop("is in [0, 1], does not grow with the threshold, and is 1 for the truth itself", [Seed], ([seed]) => {
    const draw = Keyed.stream(seed, "pictures")
    const labels = ["a", "b"]
    const pictures = Array.from({ length: 1 + draw.int(4) }, () => {
      const truth = annotation(draw, Box.pixels({ width: 40, height: 30 }), { most: 4, labels })
      const shaken = truth.filter(() => draw.next() < 0.7).map((target) => ({
        ...target,
        box: Box.make("absolute", [target.box[0] + draw.int(5), target.box[1], target.box[2], target.box[3]]),
        score: draw.next()
      }))
      return {
        truth,
        predicted: [...shaken, ...annotation(draw, Box.pixels({ width: 40, height: 30 }), { most: 2, labels })]
      }
    })
    const figures = AveragePrecision.evaluate(pictures)
    if (Option.isNone(figures)) return assert.isTrue(pictures.every(({ truth }) => truth.length === 0))
    const values = [...figures.value.at.values()]
    values.forEach((value, t) =>
      assert.isTrue(value >= 0 && value <= 1 + 1e-12 && (t === 0 || value <= values[t - 1]! + 1e-12))
    )
    assert.closeTo(
      Option.getOrThrow(AveragePrecision.evaluate(pictures.map(({ truth }) => ({ truth, predicted: truth })))).ap,
      1,
      1e-12
    )
  }, runs)
})
