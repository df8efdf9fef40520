import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as PolicyGrammar from "../../../src/dsl/grammar/PolicyGrammar.ts"
import * as Stub from "../StubPolicy.ts"

const live = Stub.layer().pipe(Layer.provideMerge(Stub.Trace.layer), Layer.provide(NodeServices.layer))

describe("the grammar of a reasoning", () => {
  it.effect("lets any text through that is not none, without tags and control tokens, and then its end", () =>
    Effect.gen(function*() {
      const grammar = yield* PolicyGrammar.ofReasoning("mood")
      const { allowed, next, states, vocabulary } = grammar
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
      assert.strictEqual(yield* PolicyGrammar.ofReasoning("mood"), grammar, "made once for a tokenizer")
      const chosen = (mode: "mask" | "off") => PolicyGrammar.where(mode, PolicyGrammar.ofReasoning("mood"))
      assert.strictEqual(yield* chosen("mask"), grammar)
      assert.isUndefined(yield* chosen("off"))
    }).pipe(Effect.provide(live)))
})
