/** The paper's tasks as objects: what they ask, what answers earn, what they are measured by. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result } from "effect"
import { Question, Reward } from "../../src/dsl/index.ts"
import { Emotion6, ImagenetSub } from "../../src/tasks/classification/index.ts"
import { Box, BoxCodec, CocoSub, Lisa } from "../../src/tasks/detection/index.ts"
import { embedded } from "./classification/tokenizers.ts"
import { follow } from "./walks.ts"

const at = (...xywh: [number, number, number, number]) => Box.make("thousandths", xywh)

describe("lisa", () => {
  it("asks every sample its own question, for one box", () => {
    for (const task of [Lisa.task, Lisa.embedded]) {
      assert.isTrue(Question.asks(task))
      for (
        const text of [
          task.prompts.reason("[1, 2, 3, 4]"),
          task.prompts.reconstruct("Because."),
          task.prompts.annotate,
          task.prompts.answerOnly
        ]
      ) {
        assert.include(text, "{question}")
      }
      assert.isTrue(Result.isFailure(task.decode("[]")))
      assert.deepStrictEqual(task.decode("[10, 20, 30, 40]"), Result.succeed([{ box: at(10, 20, 30, 40) }]))
      assert.strictEqual(Reward.similarity(task, [{ box: at(0, 0, 100, 100) }], [{ box: at(0, 0, 100, 50) }]), 0.5)
    }
    assert.isFalse(Question.asks(Emotion6.task))
    const corners = Lisa.make(BoxCodec.qwen2Vl({ space: "thousandths" }))
    assert.include(corners.prompts.annotate, "[x1, y1, x2, y2]")
  })
})

describe("imagenetSub", () => {
  const { embedded: small, task } = ImagenetSub
  const truth = (label: string) => task.labels.map((name) => name === label ? 1 : 0)

  it("names one of the paper's 20 classes", () => {
    assert.strictEqual(task.labels.length, 20)
    assert.strictEqual(task.encode(truth("Band Aid")), "Band Aid")
    assert.deepStrictEqual(task.decode(" Band  Aid. "), Result.succeed(truth("Band Aid")))
    assert.deepStrictEqual(
      task.decode("Band Aid 60 broom 40"),
      Result.succeed(task.labels.map((name) => name === "Band Aid" ? 0.6 : name === "broom" ? 0.4 : 0))
    )
    for (const text of ["", "zebra", "Band", "Band Aid broom"]) assert.isTrue(Result.isFailure(task.decode(text)), text)
    assert.include(task.prompts.annotate, "bottlecap, brassiere")
  })

  it("pays 1 for the right class and nothing for another, as eq. 2-5 do on one-hot answers", () => {
    for (const [i, label] of task.labels.entries()) {
      assert.strictEqual(Reward.similarity(task, truth(label), truth(label)), 1)
      const other = task.labels[(i + 7) % 20]!
      // exp(−(ln 1e10 + 2/20)), the rest of eq. 4's terms being next to nothing.
      assert.closeTo(Reward.similarity(task, truth(label), truth(other)) / (1e-10 * Math.exp(-0.1)), 1, 1e-6)
    }
  })

  it("is measured by accuracy alone", () => {
    assert.deepStrictEqual(
      task.metrics!.map((
        { name, of }
      ) => [name, of(truth("broom"), Option.some(truth("broom"))), of(truth("broom"), Option.none())]),
      [["accuracy", 1, 0]]
    )
  })

  it("has a grammar of its labels", () => {
    const grammar = (form: "answer" | "think") => Effect.runSync(small.grammar!(embedded, form))
    for (const label of small.labels) {
      const end = (text: string) => [...embedded.encode(text), embedded.endOfTurn]
      assert.isDefined(follow(grammar("answer"), end(label)), label)
      assert.isDefined(
        follow(grammar("think"), end(Reward.writeThinkAnswer("A crying face with a filthy rat.", label))),
        label
      )
      assert.isUndefined(follow(grammar("answer"), end(`${label} 100`)))
      assert.isUndefined(follow(grammar("answer"), end(`${label} ${label}`)))
    }
    for (const text of ["", "a", "a umbrella", "cup"]) {
      assert.isUndefined(follow(grammar("answer"), [...embedded.encode(text), embedded.endOfTurn]), text)
    }
  })
})

describe("cocoSub", () => {
  it("has COCO's 80 classes, and sprayed boxes cost", () => {
    assert.strictEqual(new Set(CocoSub.labels).size, 80)
    const truth = [{ box: at(0, 0, 100, 100), label: "cup" }]
    assert.strictEqual(Reward.similarity(CocoSub.task, truth, truth), 1)
    assert.strictEqual(
      Reward.similarity(CocoSub.task, truth, [...truth, { box: at(500, 500, 100, 100), label: "cup" }]),
      0.5
    )
    assert.strictEqual(CocoSub.task.encode(truth), "cup [0, 0, 100, 100]")
    assert.include(CocoSub.task.prompts.answerOnly, "teddy bear, hair drier")
  })
})

describe("boxes ranked by confidence", () => {
  const truth = [{ box: at(0, 0, 100, 100), label: "a cup" }, { box: at(500, 500, 100, 100), label: "a drum" }]
  const rank = CocoSub.embedded.rank!

  it("score each box by the tokens that wrote it and its name", () => {
    const text = `<think>[9, 9, 9, 9] a cup</think><answer>${CocoSub.embedded.encode(truth)}</answer>`
    const asked: Array<string> = []
    const scored = rank(truth, text, (from, to) => asked.push(text.slice(from, to)) / 10)
    assert.deepStrictEqual(asked, ["a cup [0, 0, 100, 100]", ", a drum [500, 500, 100, 100]"])
    assert.deepStrictEqual(scored.map(({ score }) => score), [0.1, 0.2])
    const json = BoxCodec.make({ space: "thousandths", order: "xywh", style: "json", labels: ["a cup", "a drum"] })
      .encode(truth)
    asked.length = 0
    rank(truth, json, (from, to) => asked.push(json.slice(from, to)))
    assert.deepStrictEqual(asked, [
      "[{\"bbox_2d\": [0, 0, 100, 100], \"label\": \"a cup\"}",
      ", {\"bbox_2d\": [500, 500, 100, 100], \"label\": \"a drum\"}"
    ])
  })

  it("keep the score that a model wrote, and share the answer's where boxes cannot be told apart", () => {
    const [cup, drum] = truth
    assert.deepStrictEqual(
      rank([{ ...cup!, score: 0.7 }, drum!], "a cup [0, 0, 100, 100]", () => 0.3).map(({ score }) => score),
      [0.7, 0.3]
    )
    const asked: Array<readonly [number, number]> = []
    rank(truth, "<answer>who knows</answer>", (...span) => {
      asked.push(span)
      return 1
    })
    assert.deepStrictEqual(asked, [[8, 26], [8, 26]])
  })

  it("make mAP what it is: a wrong box that is less sure costs nothing", () => {
    const { setMetric } = Lisa.task
    const figures = (scores: readonly [number, number]) => {
      const set = setMetric!()
      set.add([{ box: at(0, 0, 100, 100) }], Option.some([{ box: at(0, 0, 100, 100), score: scores[0] }]))
      set.add([{ box: at(0, 0, 100, 100) }], Option.some([{ box: at(700, 0, 100, 100), score: scores[1] }]))
      return set.figures()
    }
    // One of two found: recall ends at 0.5, that is 51 of the 101 points, at precision 1 or, the wrong one first, at
    // 1/2.
    assert.closeTo(figures([0.9, 0.1])["mAP@0.5"]!, 51 / 101, 1e-9)
    assert.closeTo(figures([0.1, 0.9])["mAP@0.5"]!, 51 / 101 / 2, 1e-9)
    const none = setMetric!()
    none.add([{ box: at(0, 0, 100, 100) }], Option.none())
    assert.strictEqual(none.figures()["mAP@0.5"], 0)
    assert.deepStrictEqual(setMetric!().figures(), {})
  })
})
