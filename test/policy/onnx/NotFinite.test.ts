/** Rollouts and scores of weights that make numbers that are none say so, and nothing is made of them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Grammar } from "../../../src/kernels/generate/index.ts"
import { NotFinite, Policy, type SampleOptions } from "../../../src/policy/index.ts"
import { inDraw } from "../../../src/policy/NotFinite.ts"
import { type Constraint, drawn } from "../../../src/policy/onnx/GrammarTables.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"
import { draw, EMBEDDING, NORM, poison, poisons, runOn, slices } from "./poison.ts"
import { setWeights, weights } from "./weights.ts"

const run = runOn(sharing()(2))

const alternating = (vocabulary: number, end: number): Grammar => {
  const allowed = new Uint8Array(2 * vocabulary)
  // What follows a forbidden token is meaningless: here it leads out of the table.
  const next = new Int32Array(2 * vocabulary).fill(1e9)
  for (let token = 0; token < vocabulary; token++) {
    for (const state of [0, 1]) {
      if (token % 2 !== state && token !== end) continue
      allowed[state * vocabulary + token] = 1
      next[state * vocabulary + token] = 1 - state
    }
  }
  return { id: "alternating", states: 2, vocabulary, allowed, next }
}

describe("rollouts whose logits are not finite", () => {
  for (const decode of ["loop", "step"] as const) {
    it.effect(
      `fail, decoded in one ${decode === "loop" ? "loop" : "step a run"}: every sampler, masked or not`,
      () =>
        run(
          Effect.gen(function*() {
            const policy = yield* Policy
            const healthy = yield* policy.snapshot
            const { endOfTurn, vocabularySize } = Option.getOrThrow(policy.tokenizer)
            const grammar = alternating(vocabularySize, endOfTurn)
            const samplers: ReadonlyArray<readonly [string, Omit<SampleOptions, "count" | "maxTokens">]> = [
              ["greedy", { temperature: 0 }],
              ["sampled", {}],
              ["cool", { temperature: 0.3 }],
              ["a nucleus", { topP: 0.9 }]
            ]
            for (const [kind, poisoned] of Object.entries(poisons)) {
              yield* poisoned
              for (const [name, sampler] of samplers) {
                for (const mask of [undefined, grammar]) {
                  const error = yield* Effect.flip(draw({ count: 3, maxTokens: 6, ...sampler, grammar: mask }))
                  const label = `${kind}, ${name}, ${mask === undefined ? "free" : "masked"}: ${error.message}`
                  assert.strictEqual(error._tag, "PolicyError")
                  assert.instanceOf(error.cause, NotFinite)
                  assert.match(
                    error.message,
                    /^policy sample: at step \d+ of sample "test\/\d", candidate \d, the logits are not finite: /,
                    label
                  )
                }
              }
            }
            yield* policy.revert(healthy)
            assert.strictEqual((yield* draw({ count: 1, maxTokens: 4, grammar })).length, prompts.length)
          })
        ),
      300_000
    )
  }

  it.effect(
    "name the first step in which they show, and only that: fewer steps are drawn",
    () =>
      run(
        Effect.gen(function*() {
          const healthy = yield* weights
          const { offset, shape } = (yield* slices).get(EMBEDDING)!
          const greedy = (maxTokens: number) =>
            Effect.map(draw({ count: 1, maxTokens, temperature: 0 }), (groups) => groups[0]![0]!.tokens.length)
          let later = 0
          // One huge number in the embedding of one token: whether its logit overflows depends on the hidden state.
          for (let column = 0; column < 24; column++) {
            const poisoned = healthy.slice()
            poisoned[offset + 700 * shape[1]! + column] = 3e38
            yield* setWeights(poisoned)
            const message = yield* Effect.match(greedy(8), { onSuccess: () => "", onFailure: (error) => error.message })
            const step = Number(/at step (\d+) of sample "test\/0", candidate 0,/.exec(message)?.[1] ?? 0)
            if (step === 0) continue
            later++
            const drawn = yield* Effect.match(greedy(step), { onSuccess: String, onFailure: (error) => error.message })
            assert.notInclude(drawn, `"test/0"`)
          }
          assert.isAbove(later, 0)
        })
      ),
    300_000
  )
})

describe("a draw under a grammar", () => {
  it("means nothing where the token is forbidden, however likely it was", () => {
    const grammar = alternating(10, 9)
    const logprobs = Float32Array.of(-1, -1, 0, -1)
    const of = (constraint: Constraint, ...tokens: ReadonlyArray<number>) =>
      inDraw(logprobs, drawn(constraint, [9], Int32Array.from(tokens)))
    const why = "no token that the grammar allows has a finite logit"
    assert.isUndefined(of({ grammar }, 2, 3, 4, 9))
    assert.deepStrictEqual(of({ grammar }, 2, 3, 3, 9), { step: 2, why })
    assert.isUndefined(of({}, 2, 3, 3, 9))
    assert.isUndefined(of({ grammar, maxTokens: 4 }, 2, 3, 4, 9))
    assert.deepStrictEqual(of({ grammar, maxTokens: 4 }, 2, 3, 4, 5), { step: 3, why }, "nothing but the end fits")
  })
})

describe("scores", () => {
  it.effect(
    "that are not finite fail, and name token and text",
    () =>
      run(
        Effect.scoped(
          Effect.gen(function*() {
            const policy = yield* Policy
            yield* poison(NORM, 3e38)
            const { encode } = Option.getOrThrow(policy.tokenizer)
            const session = yield* policy.session
            const tokens = encode("a red face")
            const error = yield* Effect.flip(session.logprobs(prompts.map((prompt) => ({ prompt, tokens }))))
            assert.match(
              error.message,
              /^policy logprobs: the policy's log-probability of token 0 of item \d, candidate 0, is (NaN|-?Infinity): /
            )
          })
        )
      ),
    300_000
  )

  it.effect(
    "are refused at temperatures that are none, and for tokens that are none",
    () =>
      run(
        Effect.scoped(
          Effect.gen(function*() {
            const policy = yield* Policy
            const { encode, vocabularySize } = Option.getOrThrow(policy.tokenizer)
            const session = yield* policy.session
            const tokens = encode("a red face")
            for (const temperature of [NaN, 0, -1, Infinity]) {
              const error = yield* Effect.flip(session.logprobs([{ prompt: prompts[0]!, tokens, temperature }]))
              assert.include(
                error.message,
                `policy logprobs: item 0: temperature is ${temperature}, expected a number from 0.00001`
              )
            }
            for (const token of [-1, vocabularySize]) {
              const error = yield* Effect.flip(
                session.logprobs([{ prompt: prompts[0]!, tokens: Int32Array.of(3, token) }])
              )
              assert.include(
                error.message,
                `item 0: token 1 is ${token}, expected an id from 0 to ${vocabularySize - 1}`
              )
            }
          })
        )
      ),
    300_000
  )
})
