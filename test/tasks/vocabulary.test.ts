/** The embedded checkpoint knows a few hundred words: what it is asked has to be made of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Scenes } from "../../src/data/index.ts"
import { Question, type Task } from "../../src/dsl/index.ts"
import * as Image from "../../src/kernels/image/Image.ts"
import { ImagenetSub } from "../../src/tasks/classification/index.ts"
import { Box, CocoSub, Lisa } from "../../src/tasks/detection/index.ts"
import { embedded } from "./classification/tokenizers.ts"

/** Words and numbers that fall apart into letters. */
const unknown = (text: string) =>
  (text.split(/<\/?(?:think|answer)>/).flatMap((part) => part.match(/ ?[\p{L}]+| ?\p{N}+/gu) ?? [])).filter((word) =>
    embedded.encode(word).length > 1
  )

const sample = { image: Image.file("a.png"), question: "Where?" }
const prompts = <A>(task: Task.Task<A>, annotation: A, question = "Where?") =>
  (["reason", "reconstruct", "annotate", "answerOnly"] as const).map((form) =>
    Effect.runSync(
      Question.ask(
        task,
        form,
        { ...sample, question },
        form === "reason" ? task.encode(annotation) : "A crying face with a filthy rat."
      )
    ).text
  )

describe("the embedded checkpoint's vocabulary", () => {
  it("tells a word it has from one it has not", () => {
    assert.deepStrictEqual(unknown("Where is the umbrella? zebra"), [" zebra"])
  })

  it("holds every riddle, prompt, label and answer", () => {
    const box = Box.make("thousandths", [120, 340, 260, 260])
    for (const { question } of Scenes.Riddles.riddles) {
      for (const text of prompts(Lisa.embedded, [{ box }], question)) assert.deepStrictEqual(unknown(text), [], text)
    }
    for (const label of Scenes.Things.labels) {
      for (
        const text of [
          ...prompts(CocoSub.embedded, [{ box, label }]),
          CocoSub.embedded.encode([{ box, label }, { box, label }])
        ]
      ) {
        assert.deepStrictEqual(unknown(text), [], text)
      }
    }
    for (const [i, label] of Scenes.Objects.labels.entries()) {
      const truth = Scenes.Objects.labels.map((_, j) => i === j ? 1 : 0)
      for (const text of [...prompts(ImagenetSub.embedded, truth), label]) {
        assert.deepStrictEqual(unknown(text), [], text)
      }
    }
  })

  it("spells answers in few tokens: an article and a name, and a token for each number", () => {
    const box = Box.make("thousandths", [120, 340, 260, 260])
    assert.strictEqual(embedded.encode(Lisa.embedded.encode([{ box }])).length, 9)
    assert.strictEqual(embedded.encode(CocoSub.embedded.encode([{ box, label: "a cup" }])).length, 11)
    assert.strictEqual(embedded.encode("a cup").length, 2)
  })
})
