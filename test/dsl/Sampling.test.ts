import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { reasoningGrammar } from "../../src/dsl/stages/Sampling.ts"
import * as Stub from "./StubPolicy.ts"

const live = Stub.layer().pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provide(NodeServices.layer))

describe("the mask of a chain", () => {
  it.effect("lets any text through that is not none, without tags and control tokens, and then its end", () =>
    Effect.gen(function*() {
      const mask = yield* reasoningGrammar("mood", "mask")
      if (mask === undefined) return assert.fail("there is none")
      const { allowed, next, states, vocabulary } = mask
      assert.strictEqual(vocabulary, 64)
      assert.deepStrictEqual([allowed.length, next.length], [states * vocabulary, states * vocabulary])
      const lets = (state: number) =>
        [...allowed.keys()].filter((at) => allowed[at] === 1 && (at / 64 | 0) === state)
          .map((at) => at % 64)
      // To the stub a word is its length: the four tags are 7, 8 and 9 long, and 0 ends a turn.
      const words = Array.from({ length: 64 }, (_, token) => token).filter((token) => ![0, 7, 8, 9].includes(token))
      assert.deepStrictEqual(lets(0), words)
      const begun = next[5]!
      assert.deepStrictEqual(lets(begun), [0, ...words])
      assert.strictEqual(next[begun * 64 + 5], begun)
      const ended = next[begun * 64]!
      assert.deepStrictEqual(lets(ended), [0])
      assert.strictEqual(next[ended * 64], ended)
      assert.strictEqual(new Set([0, begun, ended]).size, 3)
      assert.strictEqual(yield* reasoningGrammar("mood", "mask"), mask, "made once for a tokenizer")
      assert.isUndefined(yield* reasoningGrammar("mood", "off"))
    }).pipe(Effect.provide(live)))
})
