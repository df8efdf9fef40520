/** How the tokens' losses are averaged: the three ways that papers do it, told apart. */
import { assert, describe, it } from "@effect/vitest"
import * as TokenWeights from "../../src/policy/TokenWeights.ts"

const lengths = [2, 4]
const maxTokens = 16

describe("token weights", () => {
  it("grpo: the mean over sequences of the mean over their tokens", () => {
    assert.deepStrictEqual(TokenWeights.groupRelative("grpo", lengths, maxTokens), [1 / 4, 1 / 8])
  })

  it("dr_grpo: the sum over tokens by a constant length, whatever the lengths", () => {
    assert.deepStrictEqual(TokenWeights.groupRelative("dr_grpo", lengths, maxTokens), [1 / 32, 1 / 32])
  })

  it("dapo: the mean over all tokens, whatever the longest may be", () => {
    for (const most of [6, 16]) {
      assert.deepStrictEqual(TokenWeights.groupRelative("dapo", lengths, most), [1 / 6, 1 / 6])
    }
  })
})
