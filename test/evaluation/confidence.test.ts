/** The tokens that wrote an answer are found where they were written, not where an encoder would write them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { confidenceOf, probabilityIn, rounded } from "../../src/evaluation/confidence.ts"
import * as Policies from "../../src/policy/layers.ts"
import { Policy } from "../../src/policy/Policy.ts"

const sure = Math.log(0.25)

describe("confidence", () => {
  it("keeps its order in few digits, also where answers are nearly sure", () => {
    const all = [0.0001234, 0.12344, 0.80123, 0.98766, 0.99961, 0.99994, 0.99998, 0.9999991]
    assert.deepStrictEqual(all.map(rounded), [
      0.0001234,
      0.1234,
      0.8012,
      0.98766,
      0.9996100,
      0.99994,
      0.99998,
      0.9999991
    ])
    assert.deepStrictEqual([0, 1].map(rounded), [0, 1])
  })

  it.live("is of the answer's tokens, however the reasoning before them was written", () =>
    Effect.gen(function*() {
      const { tokenizer } = yield* Policy
      const { decode, encode, endOfTurn } = Option.getOrThrow(tokenizer)
      assert.isDefined(decode)
      if (decode === undefined) return
      const [word = -1] = encode(" mournful").slice(-1)
      const written: Record<string, ReadonlyArray<number>> = {
        "as an encoder writes it": [...encode("A face with a mournful urn.")],
        "words that run together": [...encode("A face"), word, ...encode("mournful"), ...encode("mournful")],
        "a word in letters": [...encode("A face with a "), ...[..."urn"].flatMap((letter) => [...encode(letter)])],
        "with the end of a character that never begins": [...encode("A face"), ...encode("ü").slice(-1)],
        nothing: []
      }
      for (const [how, reasoning] of Object.entries(written)) {
        const before = [...encode("<think>"), ...reasoning, ...encode("</think>"), ...encode("<answer>")]
        const answer = [...encode("joy 70 neutral 30")]
        const after = [...encode("</answer>"), endOfTurn]
        const tokens = Int32Array.from([...before, ...answer, ...after])
        const text = decode(tokens.subarray(0, -1)).trim()
        const completion = {
          text,
          tokens,
          finish: "stop" as const,
          logprobs: Float32Array.from(tokens, (_, i) =>
            i >= before.length && i < before.length + answer.length ? sure : 0)
        }
        assert.closeTo(Option.getOrThrow(confidenceOf(completion, tokenizer)), 0.25, 1e-6, how)
        // The same for a part of the answer: what boxes are ranked by.
        const from = text.lastIndexOf("neutral")
        assert.closeTo(probabilityIn(completion, tokenizer)?.(from, from + "neutral 30".length) ?? NaN, 0.25, 1e-6, how)
      }
    }).pipe(Effect.provide([Policies.onnx({ model: "embedded", trainable: "none" }), NodeServices.layer])))
})
