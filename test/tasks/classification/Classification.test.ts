import { assert, describe, it } from "@effect/vitest"
import { Option, Result, Schema } from "effect"
import * as Reward from "../../../src/dsl/Reward.ts"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { Classification, Emotion6 } from "../../../src/tasks/classification/index.ts"
import { runs, Seed, Seven } from "./distributions.ts"

const { task } = Emotion6
const define = (labels: ReadonlyArray<string>) => () => Classification.make({ name: "t", labels, subject: "s" })

describe("Classification", () => {
  it("Emotion6 has the seven feelings in the order of its data", () => {
    assert.deepStrictEqual([...task.labels], ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"])
    assert.include(task.prompts.annotate, "anger, disgust, fear, joy, sadness, surprise, neutral")
    assert.strictEqual(task.classOf([0, 0, 0.5, 0.5, 0, 0, 0]), "fear")
  })

  it.prop("annotations are distributions, and nothing else is", [Seven], ([truth]) => {
    const decode = Schema.decodeUnknownOption(task.annotation)
    assert.deepStrictEqual(decode(truth), Option.some(truth))
    for (
      const wrong of [
        truth.slice(1),
        [...truth, 0],
        truth.map((p) => p * 1.1),
        truth.map((p, i) => i === 0 ? NaN : p),
        "joy 100",
        null
      ]
    ) {
      assert.isTrue(Option.isNone(decode(wrong)))
    }
  }, runs)

  it("says what is wrong with an annotation", () => {
    const read = Schema.decodeUnknownResult(task.annotation)([0.5, 0.4, 0, 0, 0, 0, 0])
    assert.isTrue(Result.isFailure(read) && /sum to 1, got a sum of 0.9/.test(read.failure.message), String(read))
  })

  it.prop("another order of the labels is the same task", [Seven, Seven, Seed], ([truth, answer, seed]) => {
    const order = Keyed.stream(seed, "labels").shuffle([0, 1, 2, 3, 4, 5, 6])
    const moved = Classification.make({ name: "moved", labels: order.map((i) => task.labels[i]!), subject: "feelings" })
    const move = (p: ReadonlyArray<number>) => order.map((i) => p[i]!)
    assert.closeTo(Reward.similarity(moved, move(truth), move(answer)), Reward.similarity(task, truth, answer), 1e-12)
    assert.deepStrictEqual(moved.decode(task.encode(answer)), Result.map(task.decode(task.encode(answer)), move))
    task.metrics!.forEach((metric, i) =>
      assert.closeTo(
        moved.metrics![i]!.of(move(truth), Option.some(move(answer))),
        metric.of(truth, Option.some(answer)),
        1e-12
      )
    )
  }, runs)

  it("may forbid naming the class", () => {
    const strict = Classification.make({
      name: "strict",
      labels: ["joy", "Band Aid", "c++"],
      subject: "things",
      leakage: { labels: "forbid" }
    })
    const leak = (text: string) => Option.getOrUndefined(strict.leaks!(text, [1, 0, 0]))
    assert.deepStrictEqual(leak("a picture of pure Joy."), { reason: "label", value: "Joy" })
    assert.deepStrictEqual(leak("there is a band aid on it"), { reason: "label", value: "band aid" })
    assert.deepStrictEqual(leak("written in c++, it seems"), { reason: "label", value: "c++" })
    assert.isUndefined(leak("a joyful crowd with an aid"))
    assert.strictEqual(leak("it is 100 sure")?.reason, "annotation-number")
    assert.isTrue(Option.isNone(task.leaks!("a picture of pure joy", [0, 0, 0, 1, 0, 0, 0])))
  })

  it("takes words of one's own for a prompt", () => {
    const own = Classification.make({
      name: "own",
      labels: ["a", "b"],
      subject: "letters",
      prompts: { annotate: "Which letter?" }
    })
    assert.strictEqual(own.prompts.annotate, "Which letter?")
    assert.include(own.prompts.answerOnly, "a, b")
  })

  it("refuses labels that could not be read back", () => {
    assert.throws(define(["a"]), /task "t": a classification needs at least 2 labels, got 1/)
    assert.throws(define(["a", "a"]), /label "a" is listed twice/)
    assert.throws(define(["a", ""]), /label "" must be words/)
    assert.throws(define(["a", "b  c"]), /label "b {2}c" must be words with single spaces/)
    assert.throws(define(["a", "route 66"]), /a word that reads as a number/)
    assert.throws(define(["a", "<b>"]), /angle bracket/)
  })

  it("takes numbers for labels where one label is the answer, and reads no percents then", () => {
    const digits = Classification.make({ name: "t", labels: ["1", "10", "3d"], subject: "digit", answer: "single" })
    const reasonOf = (text: string) => {
      const read = digits.decode(text)
      return Result.isFailure(read) ? read.failure.reason : read.success
    }
    assert.strictEqual(digits.encode([0, 1, 0]), "10")
    assert.deepStrictEqual(["1", " 10\n", "3d."].map(reasonOf), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert.deepStrictEqual(["1 100", "100", "1 10", ""].map(reasonOf), [
      "unknown-label",
      "unknown-label",
      "unknown-label",
      "empty"
    ])
    const names = Classification.make({ name: "t", labels: ["a", "b"], subject: "letter", answer: "single" })
    assert.deepStrictEqual(names.decode("b 75 a 25"), Result.succeed([0.25, 0.75]))
  })
})
