import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import * as Answer from "../../src/dsl/Answer.ts"
import type * as Rise from "../../src/dsl/Rise.ts"
import { Mood } from "./StubPolicy.ts"

describe("what a completion says", () => {
  it("reasoning that is kept apart begins a think-answer, without the tags that it quotes", () => {
    const reasoning = " I write <think> and <answer>joy</answer>: a smile\n"
    const thought = "<think>I write   and  joy : a smile</think>"
    assert.strictEqual(Answer.said("think", { reasoning, text: "joy" }), `${thought}<answer>joy</answer>`)
    assert.strictEqual(
      Answer.said("think", { reasoning, text: "<answer>joy</answer>" }),
      `${thought}<answer>joy</answer>`
    )
  })

  it("is the text itself where there is nothing to put before it", () => {
    for (const reasoning of [undefined, "", " \n", "<think></think>"]) {
      assert.strictEqual(
        Answer.said("think", reasoning === undefined ? { text: "joy" } : { reasoning, text: "joy" }),
        "joy"
      )
    }
    for (const text of ["", "<think>by itself</think><answer>joy</answer>", "cut off</think>"]) {
      assert.strictEqual(Answer.said("think", { reasoning: "a smile", text }), text)
    }
    assert.strictEqual(Answer.said("answer", { reasoning: "a smile", text: "joy" }), "joy")
  })
})

describe("a text read in its form", () => {
  it("a bare answer earns its similarity, and has no reasoning", () => {
    const { annotation, reasoning, reward, verdict } = Answer.read(Mood, "answer", "joy", "anger")
    assert.deepStrictEqual([annotation, reward, verdict], [Option.some("anger"), 0.2, "ok"])
    assert.isTrue(Option.isNone(reasoning))
  })

  it("in the other form it earns nothing", () => {
    const whole = "<think>we can see a bright festive smile here</think><answer>joy</answer>"
    const read = (form: Rise.Form, text: string) => {
      const { reward, verdict } = Answer.read(Mood, form, "joy", text)
      return [reward, verdict]
    }
    assert.deepStrictEqual(read("answer", "joy"), [1, "ok"])
    assert.deepStrictEqual(read("think", whole)[1], "ok")
    assert.deepStrictEqual(read("answer", whole), [0, "format-annotation"])
    assert.deepStrictEqual(read("think", "joy")[0], 0)
  })
})
