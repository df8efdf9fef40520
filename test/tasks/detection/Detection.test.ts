import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import { Reward } from "../../../src/dsl/index.ts"
import { Box, BoxCodec, Detection } from "../../../src/tasks/detection/index.ts"
import { annotation, drawn, names, runs } from "./boxes.ts"

const at = (...xywh: [number, number, number, number]) => Box.make("thousandths", xywh)
const shelter = Detection.make({
  name: "shelter",
  subject: "what would keep you dry",
  codec: BoxCodec.scenes(),
  targets: "single"
})
const things = Detection.make({
  name: "things",
  subject: "every thing",
  codec: BoxCodec.scenes({ labels: names }),
  denominator: "max"
})
const Truth = drawn("truth", (draw) => annotation(draw, Box.thousandths, { most: 4, labels: names }))

describe("Detection", () => {
  it("asks for boxes in the codec's form, with names where it has some", () => {
    assert.include(shelter.prompts.answerOnly, "what would keep you dry")
    assert.include(shelter.prompts.annotate, "[x, y, width, height] in thousandths")
    assert.include(things.prompts.reconstruct("They stand there."), "cup, beer glass, glass, hat")
    const own = Detection.make({
      name: "own",
      subject: "it",
      codec: BoxCodec.scenes(),
      prompts: { annotate: "Where?" }
    })
    assert.strictEqual(own.prompts.annotate, "Where?")
  })

  it("one target means one box", () => {
    assert.deepStrictEqual(shelter.decode("[1, 2, 3, 4]"), Result.succeed([{ box: at(1, 2, 3, 4) }]))
    const fault = (text: string) => Option.getOrUndefined(Result.getFailure(shelter.decode(text)))?.reason
    assert.strictEqual(fault("[]"), "no-box")
    assert.strictEqual(fault("[[1, 2, 3, 4], [5, 6, 7, 8]]"), "several-boxes")
    assert.strictEqual(fault("[1, 2, 0, 4]"), "degenerate-box")
    const box = [1, 2, 3, 4]
    const decode = Schema.decodeUnknownResult(shelter.annotation)
    // A crowd is no box that anybody asks for.
    for (const good of [[{ box }], [{ box, crowd: false }], [{ box, crowd: true }, { box }]]) {
      assert.isTrue(Result.isSuccess(decode(good)), JSON.stringify(good))
    }
    for (const [bad, count] of [[[], 0], [[{ box, crowd: true }], 0], [[{ box }, { box, crowd: false }], 2]] as const) {
      assert.match(String(Option.getOrThrow(Result.getFailure(decode(bad)))), new RegExp(`exactly 1 box, got ${count}`))
    }
    assert.isTrue(Result.isSuccess(
      Schema.decodeUnknownResult(things.annotation)([
        { box, label: "cup" },
        { box, label: "cup", score: 1 },
        { box, label: "hat", crowd: true, score: 0 }
      ])
    ))
    for (const score of [-0.01, 1.01, NaN]) assert.isTrue(Result.isFailure(decode([{ box, score }])), String(score))
  })

  it("several targets may be none", () => {
    assert.deepStrictEqual(things.decode("[]"), Result.succeed([]))
    assert.strictEqual(Reward.similarity(things, [], []), 1)
    assert.deepStrictEqual(Schema.decodeUnknownOption(things.annotation)([]), Option.some([]))
  })

  it("drops bad boxes where asked to, as long as a good one is left", () => {
    const lenient = Detection.make({ name: "lenient", subject: "it", codec: BoxCodec.scenes(), badBox: "drop" })
    assert.deepStrictEqual(lenient.decode("[1, 2, 3, 4] [5, 6, 0, 0]"), Result.succeed([{ box: at(1, 2, 3, 4) }]))
    assert.isTrue(Result.isFailure(lenient.decode("[5, 6, 0, 0]")))
  })

  it.prop("annotations pass their schema, and wrong ones do not", [Truth], ([truth]) => {
    const decode = Schema.decodeUnknownOption(things.annotation)
    assert.deepStrictEqual(decode(truth), Option.some(truth))
    assert.deepStrictEqual(things.decode(things.encode(truth)), Result.succeed(truth))
    for (const box of [[1, 2, 3], [1, 2, 3, 0], [1, 2, NaN, 4], [1, 2, 3, Infinity], "box"]) {
      assert.isTrue(Option.isNone(decode([{ box, label: "cup" }])))
    }
    assert.isTrue(Option.isNone(decode([{ box: [1, 2, 3, 4], label: "cat" }])))
  }, runs)

  it.prop("the written truth earns 1 and its own numbers in a reasoning earn 0", [Truth], ([truth]) => {
    const reasoning = "there is a round thing on the table beside the window"
    const reward = (text: string) =>
      Reward.cot(things)({ truth, reasoning: text, reconstruction: things.encode(truth) })
    assert.closeTo(reward(reasoning).reward, 1, 1e-12)
    assert.strictEqual(reward(`${reasoning} at ${things.encode(truth)}`).reward, truth.length === 0 ? 1 : 0)
    for (const { box } of truth) {
      for (const number of [box[0], box[1], box[0] + box[2], box[1] + box[3], box[2]].filter((value) => value > 10)) {
        assert.strictEqual(reward(`${reasoning}, about ${number} along`).verdict, "leak")
      }
    }
  }, runs)

  it("knows the disguises of a coordinate, and lets counts be", () => {
    const truth = [{ box: at(321, 240, 160, 112), label: "cup" }]
    const leak = (text: string) => Option.getOrUndefined(things.leaks!(text, truth))?.reason
    for (
      const text of [
        "it starts at 321 from the edge",
        "it ends near 481",
        "it begins at three hundred and twenty-one",
        "it begins at three hundred twenty one",
        "two forty from the top",
        "its width is one hundred and sixty",
        "it is one-twelve high"
      ]
    ) assert.strictEqual(leak(text), "annotation-number", text)
    assert.strictEqual(leak("x = 320 or so"), "coordinate")
    assert.strictEqual(leak("it is 300px wide"), "pixels")
    assert.strictEqual(leak("an area of 155 × 115"), "size")
    assert.strictEqual(leak("somewhere around 320, 239, 161"), "number-list")
    assert.strictEqual(leak("at [320 239 161 112]"), "number-list")
    assert.strictEqual(leak("a third in, 0.32 of the way"), "decimal")
    for (
      const text of [
        "two cups and 3 glasses on the left: 4 plates",
        "a cup beside the window",
        "three hundred people, it seems",
        "on the left a cup"
      ]
    ) {
      assert.isUndefined(leak(text), text)
    }
    const strict = Detection.make({
      name: "strict",
      subject: "it",
      codec: BoxCodec.scenes({ labels: names }),
      leakage: { labels: "forbid" }
    })
    assert.deepStrictEqual(
      strict.leaks!("a blue CUP, half full", truth),
      Option.some({ reason: "label", value: "cup" })
    )
    assert.isTrue(Option.isNone(strict.leaks!("a cupboard", truth)))
  })

  it("measures an answer, the missing one worst", () => {
    const truth = [{ box: at(0, 0, 10, 10), label: "cup" }, { box: at(50, 0, 10, 10), label: "hat" }]
    const values = (answer: Option.Option<typeof truth>) =>
      things.metrics!.map(({ name, of }) => [name, of(truth, answer)])
    assert.deepStrictEqual(values(Option.some([truth[0]!, { box: at(50, 0, 5, 8), label: "hat" }])), [["IoU", 0.7], [
      "recall@0.5",
      0.5
    ], ["precision@0.5", 0.5]])
    assert.deepStrictEqual(values(Option.none()), [["IoU", 0], ["recall@0.5", 0], ["precision@0.5", 0]])
    assert.deepStrictEqual(things.metrics!.map(({ of }) => of([], Option.some([]))), [1, 1, 1])
    // Precision is of the boxes that are written, recall of those that there are, the rest of pictures.
    const items = (answer: Option.Option<typeof truth>) => things.metrics!.map(({ items }) => items?.(truth, answer))
    assert.deepStrictEqual(items(Option.some([truth[0]!])), [undefined, 2, 1])
    assert.deepStrictEqual([items(Option.some([])), items(Option.none())], [[undefined, 2, 0], [undefined, 2, 0]])
  })

  it("chooses weights by what its similarity divides by: where spraying does not pay it is not chosen either", () => {
    const truth = [{ box: at(0, 0, 10, 10), label: "cup" }]
    const sprayed = [...truth, { box: at(0, 0, 10, 10), label: "cup" }, { box: at(50, 0, 9, 9), label: "hat" }]
    for (const [denominator, expected] of [["truth", 1], ["max", 1 / 3]] as const) {
      const task = Detection.make({ name: "things", subject: "all", codec: things.codec, denominator })
      assert.closeTo(task.metrics![0]!.of(truth, Option.some(sprayed)), expected, 1e-12)
      assert.closeTo(Reward.similarity(task, truth, sprayed), expected, 1e-12)
    }
  })

  it("has the label of most area as its class", () => {
    assert.strictEqual(
      things.classOf([{ box: at(0, 0, 10, 10), label: "cup" }, { box: at(0, 0, 8, 8), label: "hat" }, {
        box: at(9, 9, 8, 8),
        label: "hat"
      }]),
      "hat"
    )
    assert.strictEqual(things.classOf([]), "")
  })

  it("refuses labels that could not be read back", () => {
    const define = (labels: ReadonlyArray<string>) => () =>
      Detection.make({ name: "t", subject: "s", codec: BoxCodec.scenes({ labels }) })
    assert.throws(define(["cup", "cup"]), /task "t": label "cup" is listed twice/)
    assert.throws(define(["cup [old]"]), /must be words without brackets/)
    assert.throws(define([" cup"]), /must be words without brackets/)
  })
})
