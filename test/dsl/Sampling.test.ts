import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result } from "effect"
import { patience, reasoningGrammar, sampleAll } from "../../src/dsl/stages/Sampling.ts"
import { type Completion, Policy, PolicyError, type Session } from "../../src/policy/Policy.ts"
import { logs } from "./logs.ts"
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
      const mask = yield* Effect.provideService(reasoningGrammar("mood", "mask"), Policy, policy)
      if (mask === undefined) return assert.fail("there is none")
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
      const error = yield* Effect.flip(Effect.provideService(reasoningGrammar("mood", "mask"), Policy, remote))
      assert.match(error.message, /task "mood": the policy is remote and shows no tokens: leave grammar "off"/)
      assert.isUndefined(yield* Effect.provideService(reasoningGrammar("mood", "off"), Policy, remote))
    }).pipe(Effect.provide(live)))
})

describe("requests that are refused", () => {
  const cause = new PolicyError({ operation: "sample", reason: "no such picture" })
  const text = (refused: boolean): Completion => ({
    text: "",
    tokens: new Int32Array(0),
    logprobs: new Float32Array(0),
    finish: "stop",
    ...(refused ? { refused: cause, fault: "400: no such picture" } : {})
  })
  /** A server that refuses every picture whose name says so. */
  const session: Session = {
    version: 0,
    sample: (requests, { count }) =>
      Effect.succeed(requests.map(({ key }) => Array.from({ length: count }, () => text(key.startsWith("bad"))))),
    logprobs: () => Effect.succeed([])
  }
  const ask = (...keys: ReadonlyArray<string>) =>
    logs(sampleAll(session, keys.map((key) => ({ key, prompt: { images: [], text: "" } })), { count: 2, maxTokens: 4 }))
  const bad = (count: number) => Array.from({ length: count }, (_, i) => `bad ${i}`)

  it.effect("cost their samples, and are counted in a warning", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* ask("good")).lines, [])
      const some = yield* ask("good", "bad", "fair", "bad too")
      assert.deepStrictEqual(some.lines, ["2 of 4 requests were refused; the first: 400: no such picture"])
      assert.isTrue(Result.isSuccess(some.result) && some.result.success.length === 4)
      // One answer says that the server is there.
      const most = yield* ask("good", ...bad(patience))
      assert.deepStrictEqual(most.lines, [
        `${patience} of ${patience + 1} requests were refused; the first: 400: no such picture`
      ])
    }))

  it.effect("end the run where there are many and nothing else", () =>
    Effect.gen(function*() {
      assert.isTrue(Result.isSuccess((yield* ask(...bad(patience - 1))).result))
      const { lines, result } = yield* ask(...bad(patience))
      assert.deepStrictEqual(lines, [])
      if (Result.isSuccess(result)) return assert.fail("nothing was answered")
      assert.include(result.failure.message, `all ${patience} requests of this step were refused and none was answered`)
      assert.include(result.failure.message, "no such picture")
    }))
})
