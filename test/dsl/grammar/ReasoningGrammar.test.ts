import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as PolicyGrammar from "../../../src/dsl/grammar/PolicyGrammar.ts"
import { Policy } from "../../../src/policy/Policy.ts"
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

  it.effect("is a table over the tokens that there are, whichever of them ends a turn", () =>
    Effect.gen(function*() {
      // As in Qwen's vocabularies, the first token is a control token and no end of turn.
      const [size, endOfTurn, control] = [12, 3, [0, 3, 7, 8, 9, 11]]
      const tokenizer = {
        encode: (text: string) => Int32Array.of(text.length),
        vocabularySize: size,
        endOfTurn,
        specials: new Set([0, 11])
      }
      const policy = { ...(yield* Policy), tokenizer: Option.some(tokenizer) }
      const mask = yield* Effect.provideService(PolicyGrammar.ofReasoning("mood"), Policy, policy)
      const rows = [0, 1, 2].map((state) =>
        Array.from({ length: size }, (_, token) => mask.allowed[state * size + token] === 1 ? token : -1)
          .filter((token) => token >= 0)
      )
      const words = Array.from({ length: size }, (_, token) => token).filter((token) => !control.includes(token))
      assert.deepStrictEqual(rows, [words, [...words, endOfTurn].toSorted((a, b) => a - b), [endOfTurn]])
    }).pipe(Effect.provide(live)))

  it.effect("needs tokens, which a remote policy does not show", () =>
    Effect.gen(function*() {
      const remote = { ...(yield* Policy), tokenizer: Option.none() }
      const error = yield* Effect.flip(Effect.provideService(PolicyGrammar.ofReasoning("mood"), Policy, remote))
      assert.match(error.message, /task "mood": the policy is remote and shows no tokens: leave grammar "off"/)
      const unwanted = PolicyGrammar.where("off", PolicyGrammar.ofReasoning("mood"))
      assert.isUndefined(yield* Effect.provideService(unwanted, Policy, remote))
    }).pipe(Effect.provide(live)))
})
