/** How the tokens' losses are averaged: the three ways that papers do it, told apart. */
import { assert, describe, it } from "@effect/vitest"
import type { GroupLoss } from "../../src/policy/Policy.ts"
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

  it("of gspo and sapo are those of grpo, of cispo those of dapo", () => {
    const of = (loss: GroupLoss) => TokenWeights.groupRelative(loss, lengths, maxTokens, [true])
    assert.deepStrictEqual([of("gspo"), of("sapo"), of("cispo")], [of("grpo"), of("grpo"), of("dapo")])
  })

  it("of a masked sequence are 0: it still counts as a sequence, its tokens do not", () => {
    const of = (loss: GroupLoss) => TokenWeights.groupRelative(loss, lengths, maxTokens, [false, true])
    assert.deepStrictEqual(of("grpo"), [1 / 4, 0])
    assert.deepStrictEqual(of("dr_grpo"), [1 / 32, 0])
    assert.deepStrictEqual(of("dapo"), [1 / 2, 0])
  })
})
