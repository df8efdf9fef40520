/** The live policy on the embedded checkpoint: what is sampled is what is scored, and updates move what they should. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { Grammar } from "../../../src/kernels/generate/index.ts"
import type * as Image from "../../../src/kernels/image/Image.ts"
import {
  type Auxiliary,
  type Drawn,
  Objective,
  OnnxPolicy,
  Policy,
  type SampleOptions
} from "../../../src/policy/index.ts"
import { sharing } from "../workers.ts"
import { picture, prompts } from "./pictures.ts"
import { digest, weights } from "./weights.ts"

const runtime = sharing()

const layer = (workers: number, options: Partial<OnnxPolicy.Options> = {}) =>
  OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, ...options }).pipe(
    Layer.provide(runtime(workers)),
    Layer.provide(NodeServices.layer)
  )

const requests = prompts.map((prompt, i) => ({ prompt, key: `test/${i}` }))

/** Every second token of the vocabulary, by turns with the others; the end of turn always. */
const alternating = (vocabulary: number, end: number): Grammar => {
  const allowed = new Uint8Array(2 * vocabulary)
  const next = new Int32Array(2 * vocabulary)
  for (let token = 0; token < vocabulary; token++) {
    for (const state of [0, 1]) {
      allowed[state * vocabulary + token] = Number(token % 2 === state || token === end)
      next[state * vocabulary + token] = 1 - state
    }
  }
  return { id: "alternating", states: 2, vocabulary, allowed, next }
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)

const run = <A, E>(effect: Effect.Effect<A, E, Policy>, workers = 2, options: Partial<OnnxPolicy.Options> = {}) =>
  Effect.provide(effect, layer(workers, options)) as Effect.Effect<A, unknown>

const draw = (options: SampleOptions, of = requests) =>
  Effect.scoped(Effect.gen(function*() {
    const session = yield* (yield* Policy).session
    const groups = yield* session.sample(of, options)
    return groups.map((group) =>
      group.map(({ logprobs, tokens }) => ({ logprobs: [...logprobs], tokens: [...tokens] }))
    )
  }))

describe("what is sampled is what is scored", () => {
  for (
    const [name, temperature, masked, maxTokens] of [
      ["temperature 1", 1, false, 20],
      ["temperature 0.7", 0.7, false, 20],
      ["a grammar", 1, true, 20],
      ["a grammar in whose budget no text ends by itself", 1, true, 4]
    ] as const
  ) {
    it.effect(name, () =>
      run(Effect.scoped(Effect.gen(function*() {
        const policy = yield* Policy
        const { endOfTurn, vocabularySize } = Option.getOrThrow(policy.tokenizer)
        const grammar = masked ? alternating(vocabularySize, endOfTurn) : undefined
        const session = yield* policy.session
        const groups = yield* session.sample(requests, { count: 3, maxTokens, temperature, grammar })
        const items = groups.flatMap((group, i) =>
          group.map(({ tokens }) => ({ prompt: prompts[i]!, tokens, temperature, grammar, maxTokens }))
        )
        const scored = yield* session.logprobs(items)
        groups.flat().forEach(({ finish, logprobs, tokens }, i) => {
          assert.strictEqual(logprobs.length, tokens.length)
          assert.isAtMost(worst(logprobs, scored[i]!), 1e-4)
          const ended = tokens.at(-1) === endOfTurn
          // Under a grammar the last token can be nothing but the end.
          assert.strictEqual(finish, ended && (!masked || tokens.length < maxTokens) ? "stop" : "length")
          if (grammar) assert.isTrue(ended && tokens.length <= maxTokens)
          if (grammar) tokens.forEach((token, t) => assert.isTrue(token === endOfTurn || token % 2 === t % 2))
        })
        assert.isAbove(new Set(groups.flat().map(({ tokens }) => tokens.join())).size, 5, "candidates differ")
      }))), 300_000)
  }
})

describe("draws are keyed by what they are for", () => {
  it.effect("neither the batch, nor its order, nor the number of workers changes them", () =>
    Effect.gen(function*() {
      const options = { count: 4, maxTokens: 12 }
      const together = yield* run(draw(options))
      const reversed = yield* run(draw(options, requests.toReversed()), 1)
      // One prompt on two workers: its group is cut in two.
      const alone = yield* run(draw(options, requests.slice(0, 1)))
      const tokens = (groups: typeof together) => groups.map((group) => group.map((completion) => completion.tokens))
      assert.deepStrictEqual(tokens(reversed.toReversed()), tokens(together))
      assert.deepStrictEqual(tokens(alone), tokens(together.slice(0, 1)))
    }), 300_000)
  it.effect("the same run gives the same bits", () =>
    Effect.gen(function*() {
      const options = { count: 3, maxTokens: 12, temperature: 0.9 }
      assert.deepStrictEqual(yield* run(draw(options)), yield* run(draw(options)))
    }), 300_000)
  it.effect(
    "weights packed into the sessions draw what live ones draw, before and after an update",
    () =>
      Effect.gen(function*() {
        const program = Effect.gen(function*() {
          const policy = yield* Policy
          // Two lengths of prompt and two versions: packed sessions make room for one another.
          const both = Effect.forEach(
            [requests.slice(0, 1), requests.slice(1)],
            (of) => draw({ count: 4, maxTokens: 24 }, of)
          )
          const before = yield* both
          yield* policy.beginStage
          yield* policy.update(
            Objective.Supervised({ examples: [{ prompt: prompts[0]!, target: [{ text: "a red face", weight: 1 }] }] }),
            { learningRate: 3e-3 }
          )
          return [before, yield* both].flat(3)
        })
        const live = yield* run(program, 1)
        const packed = yield* run(program, 1, { packFrom: [0, Infinity] })
        assert.notDeepEqual(live.slice(0, live.length / 2), live.slice(live.length / 2))
        live.forEach(({ logprobs, tokens }, i) => {
          assert.deepStrictEqual(packed[i]!.tokens, tokens)
          assert.isAtMost(worst(packed[i]!.logprobs, logprobs), 1e-4)
        })
      }),
    300_000
  )
  it.effect("greedy candidates are alike", () =>
    run(Effect.gen(function*() {
      const groups = yield* draw({ count: 2, maxTokens: 12, temperature: 0 })
      for (const [first, second] of groups) assert.deepStrictEqual(first!.tokens, second!.tokens)
    })), 300_000)
})

describe("one token a run, its state resident in the workers", () => {
  for (
    const [name, options, masked, more = {}] of [
      ["temperature 0.8, two workers", { count: 3, maxTokens: 12, temperature: 0.8 }, false],
      ["a nucleus under a grammar", { count: 2, maxTokens: 12, topP: 0.9 }, true],
      ["greedy", { count: 1, maxTokens: 20, temperature: 0 }, false],
      ["beside an adapter", { count: 2, maxTokens: 8 }, false, { lora: { rank: 2 } }]
    ] as const
  ) {
    it.effect(`${name}: what the loop draws`, () =>
      Effect.gen(function*() {
        const drawn = Effect.gen(function*() {
          const { endOfTurn, vocabularySize } = Option.getOrThrow((yield* Policy).tokenizer)
          return yield* draw({ ...options, grammar: masked ? alternating(vocabularySize, endOfTurn) : undefined })
        })
        const [loop, steps] = [yield* run(drawn, 2, more), yield* run(drawn, 2, { ...more, decode: "step" })]
        loop.forEach((group, i) =>
          group.forEach(({ logprobs, tokens }, g) => {
            assert.deepStrictEqual(steps[i]![g]!.tokens, tokens)
            assert.isAtMost(worst(steps[i]![g]!.logprobs, logprobs), 1e-5)
          })
        )
      }), 300_000)
  }

  it.effect(
    "whoever listens is told of the loop's tokens, one after another, while they are drawn",
    () =>
      Effect.gen(function*() {
        const options = { count: 2, maxTokens: 13, temperature: 0.8 }
        const loop = yield* run(draw(options))
        const told: Array<Drawn & { readonly request: number; readonly tick: number }> = []
        let tick = 0
        const beat = setInterval(() => tick++, 0)
        const steps = yield* run(draw(
          options,
          requests.map((each, request) => ({
            ...each,
            listen: (drawn: Drawn) => void told.push({ ...drawn, request, tick })
          }))
        ))
        clearInterval(beat)
        assert.isAbove(new Set(told.map(({ tick }) => tick)).size, 3)
        for (const [i, group] of loop.entries()) {
          for (const [g, { logprobs, tokens }] of group.entries()) {
            const own = told.filter(({ candidate, request }) => request === i && candidate === g)
            assert.deepStrictEqual(own.map(({ token }) => token), tokens)
            assert.deepStrictEqual(own.map(({ at }) => at), tokens.map((_, at) => at))
            assert.isAtMost(worst(own.map(({ logprob }) => logprob), logprobs), 1e-5)
            assert.deepStrictEqual(steps[i]![g]!.tokens, tokens)
          }
        }
      }),
    60_000
  )
})

describe("updates", () => {
  const update = { learningRate: 1e-3, weightDecay: 0 }

  it.effect(
    "supervised ones make their targets likelier; a snapshot brings the old weights back",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const examples = prompts.map((prompt, i) => ({
          prompt,
          target: [{ text: ["a red face", "joy", "people sing"][i]!, weight: 1 }]
        }))
        const greedy = draw({ count: 1, maxTokens: 8, temperature: 0 })
        const [snapshot, before] = [yield* policy.snapshot, yield* greedy]
        yield* policy.beginStage
        const losses: Array<number> = []
        for (let step = 0; step < 8; step++) {
          losses.push((yield* policy.update(Objective.Supervised({ examples }), update)).loss)
        }
        assert.isBelow(losses.at(-1)!, losses[0]! * 0.7)
        assert.notDeepEqual(yield* greedy, before)
        yield* policy.revert(snapshot)
        assert.deepStrictEqual(yield* greedy, before)
      })),
    300_000
  )

  it.effect(
    "auxiliary targets are learned beside the text, at visual tokens and mentions, at inner layers and the last",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const { encode } = Option.getOrThrow(policy.tokenizer)
        const [red, face, joy] = ["red", "face", "joy"].map((word) => encode(` ${word}`)[0]!)
        const prompt = prompts.find(({ images }) => images.length === 1)!
        const example = (auxiliary?: ReadonlyArray<Auxiliary>) => ({
          prompt,
          target: [{ text: "a red face", weight: 1 }],
          ...(auxiliary && { auxiliary })
        })
        const visual = Int32Array.from({ length: 16 }, (_, i) => i % 2 === 0 ? joy! : -1)
        const mentions = new Map([[face!, red!], [joy!, red!]])
        const kinds: ReadonlyArray<ReadonlyArray<Auxiliary>> = [
          [{ tokens: visual, weight: 0.5 }],
          [{ tokens: visual, weight: 0.5, layer: 2 }],
          [{ tokens: mentions, weight: 2, layer: 1 }],
          [{ tokens: mentions, weight: 2 }],
          [{ tokens: visual, weight: 0.5, layer: 1 }, { tokens: mentions, weight: 2, layer: 3 }, {
            tokens: visual,
            weight: 0.1
          }]
        ]
        const snapshot = yield* policy.snapshot
        for (const auxiliary of kinds) {
          yield* policy.revert(snapshot)
          yield* policy.beginStage
          const losses: Array<number> = []
          for (let step = 0; step < 10; step++) {
            losses.push((yield* policy.update(Objective.Supervised({ examples: [example(auxiliary)] }), update)).loss)
          }
          assert.isBelow(losses.at(-1)!, losses[0]! * 0.6)
        }
        // A mention that is nowhere asks for nothing.
        yield* policy.revert(snapshot)
        const none = yield* policy.update(
          Objective.Supervised({ examples: [example([{ tokens: new Map([[joy!, red!]]), weight: 2, layer: 2 }])] }),
          update
        )
        yield* policy.revert(snapshot)
        const plain = yield* policy.update(Objective.Supervised({ examples: [example()] }), update)
        assert.strictEqual(none.loss, plain.loss)
        const error = yield* Effect.flip(
          policy.update(
            Objective.Supervised({ examples: [example([{ tokens: visual, weight: 1, layer: 4 }])] }),
            update
          )
        )
        assert.include(error.message, "layer 4 of an auxiliary target is none of the inner ones, 1 to 3")
      })),
    300_000
  )

  it.effect(
    "group-relative ones start without divergence and favour what had the advantage",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        yield* policy.beginStage
        const rollouts = yield* Effect.scoped(Effect.gen(function*() {
          const session = yield* policy.session
          const groups = yield* session.sample(requests, { count: 4, maxTokens: 16 })
          return groups.flatMap((group, i) =>
            group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g % 2 === 0 ? 1 : -1 }))
          )
        }))
        const mean = Effect.scoped(Effect.gen(function*() {
          const session = yield* policy.session
          const scored = yield* session.logprobs(
            rollouts.map(({ completion, prompt }) => ({ prompt, tokens: completion.tokens }))
          )
          const average = (sign: number) => {
            const chosen = scored.filter((_, i) => rollouts[i]!.advantage === sign).map((xs) =>
              xs.reduce((a, b) => a + b, 0) / xs.length
            )
            return chosen.reduce((a, b) => a + b, 0) / chosen.length
          }
          return average(1) - average(-1)
        }))
        const before = yield* mean
        const objective = Objective.GroupRelative({
          rollouts,
          loss: "grpo",
          clip: { low: 0.2, high: 0.2 },
          kl: 0.04,
          innerUpdates: 1,
          maxTokens: 16
        })
        const first = yield* policy.update(objective, update)
        // On-policy: every ratio is 1, so the loss is minus the mean advantage, and the reference is the policy itself.
        assert.closeTo(first.loss, 0, 1e-4)
        assert.closeTo(first.kl, 0, 1e-6)
        assert.strictEqual(first.clipFraction, 0)
        assert.isAbove(first.gradNorm!, 0)
        const second = yield* policy.update(objective, update)
        assert.isAbove(second.kl, 0)
        assert.isAbove(yield* mean, before)
      })),
    300_000
  )

  it.effect(
    "are the same when layers are computed again, and when groups are cut to fit a limit",
    () =>
      Effect.gen(function*() {
        const trained = (options: Partial<OnnxPolicy.Options>) =>
          run(
            Effect.gen(function*() {
              const policy = yield* Policy
              yield* policy.beginStage
              const rollouts = yield* Effect.scoped(Effect.gen(function*() {
                const session = yield* policy.session
                const groups = yield* session.sample(requests, { count: 4, maxTokens: 12 })
                return groups.flatMap((group, i) =>
                  group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g - 1.5 }))
                )
              }))
              const objective = Objective.GroupRelative({
                rollouts,
                loss: "dapo",
                clip: { low: 0.2, high: 0.2 },
                kl: 0.04,
                innerUpdates: 2,
                maxTokens: 12
              })
              const stats = yield* policy.update(objective, { learningRate: 1e-4, weightDecay: 0 })
              return { stats, weights: yield* weights }
            }),
            2,
            options
          )
        const plain = yield* trained({})
        const again = yield* trained({ recompute: true })
        assert.deepStrictEqual(again.stats, plain.stats)
        assert.strictEqual(digest(again.weights), digest(plain.weights))
        // No group of four fits 64 tokens with its prompt: each candidate is trained on beside a copy of it.
        const cut = yield* trained({ microTokens: 64 })
        for (const figure of ["loss", "gradNorm", "kl"] as const) {
          assert.closeTo(cut.stats[figure]! / plain.stats[figure]!, 1, 1e-3, figure)
        }
        assert.strictEqual(cut.stats.tokens, plain.stats.tokens)
        assert.isAtMost(
          cut.weights.reduce((most, w, i) => Math.max(most, Math.abs(w - plain.weights[i]!)), 0),
          4e-4
        )
      }),
    300_000
  )

  it.effect(
    "are refused while a session is open, and without anything to learn from",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const refused = yield* Effect.scoped(
          Effect.andThen(policy.session, Effect.flip(policy.update(Objective.Supervised({ examples: [] }), update)))
        )
        assert.match(refused.message, /session\(s\) still open/)
        const empty = yield* Effect.flip(policy.update(Objective.Supervised({ examples: [] }), update))
        assert.match(empty.message, /batch is empty/)
      })),
    300_000
  )
})

describe("pictures of one name", () => {
  for (const trainable of ["decoder", "all"] as const) {
    it.effect(`are looked at each by itself, trainable ${trainable}`, () => {
      const asked = (image: Image.Image, key: string) => ({ key, prompt: { images: [image], text: "What is here?" } })
      const [red, dark] = [(id: string) => picture(id, 250), (id: string) => picture(id, 40)]
      const said = (...requests: ReadonlyArray<ReturnType<typeof asked>>) =>
        // A prompt alone and one of two differ in their last bits.
        Effect.map(
          draw({ count: 1, maxTokens: 8, temperature: 0 }, [...requests]),
          (groups) => groups.flat().map(({ tokens }) => tokens)
        )
      const lesson = (image: Image.Image) => ({ prompt: asked(image, "").prompt, target: [{ text: "joy", weight: 1 }] })
      const learned = (...images: ReadonlyArray<Image.Image>) =>
        Effect.gen(function*() {
          const policy = yield* Policy
          yield* policy.beginStage
          const loss = Objective.Supervised({ examples: images.map(lesson) })
          return (yield* policy.update(loss, { learningRate: 0 })).loss
        })
      return Effect.gen(function*() {
        const expected = yield* run(said(asked(red("a"), "0"), asked(dark("b"), "1")), 1, { trainable })
        assert.notDeepEqual(expected[0], expected[1])
        const together = yield* run(said(asked(red("x"), "0"), asked(dark("x"), "1")), 1, { trainable })
        assert.deepStrictEqual(together, expected)
        const after = Effect.zipWith(said(asked(red("x"), "0")), said(asked(dark("x"), "1")), (a, b) => [...a, ...b])
        assert.deepStrictEqual(yield* run(after, 1, { trainable }), expected)
        // Pictures that training has cut, or brought through the tower, before.
        const loss = yield* run(learned(dark("b")), 1, { trainable })
        const later = Effect.andThen(learned(red("x")), learned(dark("x")))
        assert.strictEqual(yield* run(later, 1, { trainable }), loss)
        const both = yield* run(learned(red("a"), dark("b")), 1, { trainable })
        assert.strictEqual(yield* run(learned(red("x"), dark("x")), 1, { trainable }), both)
      })
    })
  }
})
