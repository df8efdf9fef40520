/** The format loss on the embedded checkpoint: what it is, what it moves, and what it leaves alone. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { Grammar } from "../../../src/kernels/generate/index.ts"
import { type FormatText, Objective, OnnxPolicy, Policy } from "../../../src/policy/index.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"
import { digest, weights } from "./weights.ts"

const runtime = sharing()

const layer = OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5 }).pipe(
  Layer.provide(runtime(2)),
  Layer.provide(NodeServices.layer)
)

const run = <A, E>(effect: Effect.Effect<A, E, Policy>) => Effect.provide(effect, layer) as Effect.Effect<A, unknown>

/** Nothing but tokens of which three in four are allowed, by turns; the end of turn always. */
const most = (vocabulary: number, end: number): Grammar => {
  const [allowed, next] = [new Uint8Array(2 * vocabulary), new Int32Array(2 * vocabulary)]
  for (let token = 0; token < vocabulary; token++) {
    for (const state of [0, 1]) {
      allowed[state * vocabulary + token] = Number(token % 4 !== state || token === end)
      next[state * vocabulary + token] = 1 - state
    }
  }
  return { id: "most", states: 2, vocabulary, allowed, next }
}

const lesson = { prompt: prompts[0]!, target: [{ text: "A smiling face", weight: 1 }] }
const update = { learningRate: 1e-3, weightDecay: 0, clipNorm: 1 }

/**
 * Texts that the policy writes unmasked, up to where each leaves the grammar, and −log of the mass that it allows along
 * them.
 */
const written = Effect.gen(function*() {
  const policy = yield* Policy
  const { endOfTurn, vocabularySize } = Option.getOrThrow(policy.tokenizer)
  const grammar = most(vocabularySize, endOfTurn)
  return yield* Effect.scoped(Effect.gen(function*() {
    const session = yield* policy.session
    const groups = yield* session.sample(prompts.map((prompt, i) => ({ prompt, key: `format/${i}` })), {
      count: 3,
      maxTokens: 16
    })
    const texts = groups.flatMap((group, i) =>
      group.map(({ tokens }): FormatText => ({ prompt: prompts[i]!, tokens, grammar }))
    )
    const kept = texts.map(({ prompt, tokens }) => {
      const out = tokens.findIndex((token, t) => token % 4 === t % 2 && token !== endOfTurn)
      return { prompt, tokens: out < 0 ? tokens : tokens.subarray(0, out), left: out >= 0 }
    })
    return { grammar, texts, kept }
  }))
})

describe("format loss", () => {
  it.effect(
    "is the mean over tokens of −log P(allowed), the end of a text that may go on aside, by scores with and " +
      "without the mask",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const { endOfTurn } = Option.getOrThrow(policy.tokenizer)
        const { grammar, kept } = yield* written
        // Where a text ends, 1 − P(end) is all rounding.
        const open = kept.map((text) => ({ ...text, tokens: text.tokens.filter((token) => token !== endOfTurn) }))
        const whole = open.filter(({ tokens }) => tokens.length > 0)
        assert.isAbove(whole.length, 2)
        const { ends, free, masked } = yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* policy.session
          const ended = whole.flatMap(({ prompt, tokens }) =>
            Array.from(tokens, (_, t) => ({ prompt, tokens: Int32Array.of(...tokens.subarray(0, t), endOfTurn) }))
          )
          return {
            free: (yield* session.logprobs(whole)).flatMap((logprobs) => [...logprobs]),
            masked: (yield* session.logprobs(whole.map((text) => ({ ...text, grammar })))).flatMap((
              logprobs
            ) => [...logprobs]),
            ends: (yield* session.logprobs(ended)).map((logprobs) => Math.exp(logprobs.at(-1)!))
          }
        }))
        // log P(token) = log P(allowed) + log P(token | allowed); the end is allowed everywhere, and is taken out of
        // both.
        const gaps = free.map((value, i) => -Math.log((Math.exp(value - masked[i]!) - ends[i]!) / (1 - ends[i]!)))
        const expected = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
        const weight = 4
        const still = { ...update, learningRate: 0 }
        const plain = yield* policy.update(Objective.Supervised({ examples: [lesson] }), still)
        const both = yield* policy.update(
          Objective.Supervised({
            examples: [lesson],
            format: { weight, texts: whole.map(({ prompt, tokens }) => ({ prompt, tokens, grammar })) }
          }),
          still
        )
        assert.closeTo(both.loss - plain.loss, weight * expected, 1e-4)
        assert.isAbove(expected, 0.01)
      })),
    300_000
  )

  it.effect(
    "teaches a policy to stay inside, along its own texts and without a label",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        yield* policy.beginStage
        const leaving = Effect.map(written, ({ kept }) => kept.filter(({ left }) => left).length)
        const before = yield* leaving
        for (let step = 0; step < 12; step++) {
          const { texts } = yield* written
          yield* policy.update(Objective.Supervised({ examples: [lesson], format: { texts, weight: 4 } }), update)
        }
        const after = yield* leaving
        assert.isAbove(before, 4)
        assert.isAtMost(after, before / 2)
      })),
    300_000
  )

  it.effect("weighing nothing, or without texts, changes no bit", () =>
    Effect.gen(function*() {
      const after = (format: { readonly weight: number; readonly few?: boolean } | undefined) =>
        run(Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.beginStage
          const { texts } = yield* written
          const objective = format === undefined
            ? {}
            : { format: { weight: format.weight, texts: format.few === true ? [] : texts } }
          yield* policy.update(Objective.Supervised({ examples: [lesson], ...objective }), update)
          return digest(yield* weights)
        }))
      const plain = yield* after(undefined)
      assert.strictEqual(yield* after({ weight: 0 }), plain)
      assert.strictEqual(yield* after({ weight: 4, few: true }), plain)
      assert.notStrictEqual(yield* after({ weight: 4 }), plain)
    }), 300_000)

  it.effect("refuses a weight that is none and tokens of another model", () =>
    run(Effect.gen(function*() {
      const policy = yield* Policy
      const { texts } = yield* written
      const refused = (format: { readonly texts: ReadonlyArray<FormatText>; readonly weight: number }) =>
        Effect.map(
          Effect.flip(policy.update(Objective.Supervised({ examples: [lesson], format }), update)),
          ({ message }) => message
        )
      assert.match(yield* refused({ texts, weight: NaN }), /format: weight is NaN, expected a number from 0/)
      assert.match(
        yield* refused({ texts: [{ ...texts[0]!, tokens: Int32Array.of(1, 1e9) }], weight: 1 }),
        /format text 0: token 1 is 1000000000/
      )
    })), 300_000)
})

describe("format loss beside GRPO", () => {
  it.effect("adds the same to the loss of rollouts, whose texts share their prompts", () =>
    run(Effect.gen(function*() {
      const policy = yield* Policy
      const { grammar } = yield* written
      const groups = yield* Effect.scoped(Effect.flatMap(policy.session, (session) =>
        session.sample(prompts.map((prompt, i) => ({ prompt, key: `grpo/${i}` })), { count: 3, maxTokens: 12 })))
      const rollouts = groups.flatMap((group, i) =>
        group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g - 1 }))
      )
      const texts = rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens, grammar }))
      const still = { ...update, learningRate: 0 }
      const grpo = {
        rollouts,
        loss: "grpo",
        clip: { low: 0.2, high: 0.2 },
        kl: 0,
        innerUpdates: 1,
        maxTokens: 12
      } as const
      const format = { texts, weight: 2 }
      const supervised = (more: object) =>
        policy.update(Objective.Supervised({ examples: [lesson], ...more }), still)
      const alone = (yield* supervised({ format })).loss - (yield* supervised({})).loss
      const plain = yield* policy.update(Objective.GroupRelative(grpo), still)
      const both = yield* policy.update(Objective.GroupRelative({ ...grpo, format }), still)
      assert.isAbove(alone, 0.01)
      assert.closeTo(both.loss - plain.loss, alone, 1e-4)
      // The same without rollouts: where every group is dead.
      const lone = yield* policy.update(Objective.GroupRelative({ ...grpo, rollouts: [], format }), still)
      assert.closeTo(lone.loss, alone, 1e-4)
      assert.closeTo(lone.format!.loss, alone / 2, 1e-4)
      assert.isTrue(lone.format!.left > 0 && lone.format!.left <= 1 && lone.tokens === 0 && lone.format!.tokens > 0)
      assert.closeTo(both.format!.loss, lone.format!.loss, 1e-5)
      assert.match(
        (yield* Effect.flip(policy.update(Objective.GroupRelative({ ...grpo, rollouts: [] }), still))).message,
        /nothing to learn from/
      )
      // What GRPO reports of its own rollouts stays what it was.
      assert.deepStrictEqual([both.kl, both.clipFraction, both.tokens], [plain.kl, plain.clipFraction, plain.tokens])
    })), 300_000)
})
