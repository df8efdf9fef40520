/** Losses and references by numbers: what an update reports against the policy's own scores. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option } from "effect"
import {
  type Auxiliary,
  type GroupRelative,
  Objective,
  OnnxPolicy,
  Policy,
  type Rollout
} from "../../../src/policy/index.ts"
import * as Auxiliaries from "../../../src/policy/onnx/Auxiliary.ts"
import * as PackedBatches from "../../../src/policy/onnx/PackedBatches.ts"
import * as Ratios from "../../../src/policy/Ratios.ts"
import * as Surrogate from "../../../src/policy/Surrogate.ts"
import * as TokenWeights from "../../../src/policy/TokenWeights.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"

const runtime = sharing()

const run = <A, E>(
  effect: Effect.Effect<A, E, Policy | FileSystem.FileSystem>,
  options: Partial<OnnxPolicy.Options> = {}
) =>
  Effect.provide(
    effect,
    OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, ...options }).pipe(
      Layer.provide(runtime(1)),
      Layer.provideMerge(NodeServices.layer)
    )
  ) as Effect.Effect<A, unknown>

const prompt = prompts[0]!
const still = { learningRate: 0, weightDecay: 0 }
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0)

describe("auxiliary targets", () => {
  const [image, red, face, joy] = [7, 11, 12, 13]

  it("at visual tokens count as many as there are; mentions come on top", () => {
    const visual = Int32Array.of(red, -1, joy, -1, 0)
    assert.strictEqual(Auxiliaries.weightOf({ tokens: visual, weight: 0.5 }), 1.5)
    assert.strictEqual(Auxiliaries.weightOf({ tokens: new Map([[face, red]]), weight: 2 }), 0)
  })

  it("are rows of the places that they are for", () => {
    const tokens = [1, image, image, face, image, joy, face]
    const visual: Auxiliary = { tokens: Int32Array.of(red, -1, 0), weight: 0.5, layer: 2 }
    const mentions: Auxiliary = { tokens: new Map([[face, red], [joy, 0]]), weight: 3 }
    assert.deepStrictEqual(Auxiliaries.rowsOf(tokens, image, [visual, mentions]), [
      { at: 1, token: red, weight: 0.5, layer: 2 },
      { at: 4, token: 0, weight: 0.5, layer: 2 },
      { at: 3, token: red, weight: 3, layer: undefined },
      { at: 5, token: 0, weight: 3, layer: undefined },
      { at: 6, token: red, weight: 3, layer: undefined }
    ])
    // Of a second picture nothing is asked.
    assert.deepStrictEqual(
      Auxiliaries.rowsOf([image, image], image, [{ tokens: Int32Array.of(red), weight: 1 }]).map(({ at }) => at),
      [0]
    )
  })
})

describe("batches", () => {
  it("hold no more sequences and tokens than they may, and one at the least", () => {
    for (const workers of [1, 2, 5]) {
      for (const microBatch of [1, 3, 8]) {
        for (const microTokens of [64, 500, 4096]) {
          for (const longest of [16, 160, 640]) {
            for (let sequences = 1; sequences < 40; sequences++) {
              const limits = { microBatch, microTokens, workers }
              const { each, size } = PackedBatches.batchOf(sequences, longest, limits)
              const told = JSON.stringify({ ...limits, longest, sequences, each, size })
              assert.isTrue(each >= 1 && each <= microBatch && each <= sequences && size >= each, told)
              assert.isTrue(each === 1 || each * longest <= microTokens, told)
              assert.isTrue(size === each || size * longest <= microTokens, told)
              // Every worker has work, where there is enough.
              assert.isAtMost(each, Math.ceil(sequences / Math.min(workers, sequences)), told)
            }
          }
        }
      }
    }
    const wide = { microBatch: 8, microTokens: 4096, workers: 1 }
    // Few sizes: 1, 2 and multiples of 4.
    const sizes = [1, 2, 3, 5, 8].map((sequences) => PackedBatches.batchOf(sequences, 16, wide).size)
    assert.deepStrictEqual(sizes, [1, 2, 4, 8, 8])
    assert.deepStrictEqual(PackedBatches.batchOf(9, 16, wide), { each: 5, size: 8 })
  })

  it("are padded to few shapes", () => {
    assert.deepStrictEqual([1, 16, 17].map(PackedBatches.padded.length), [16, 16, 32])
    assert.deepStrictEqual([1, 128, 129].map(PackedBatches.padded.rows), [128, 128, 256])
  })
})

describe("a supervised loss", () => {
  it.effect(
    "is the weighted mean of −log p over the text, the visual tokens that are asked for, and mentions on top",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const { encode, endOfTurn } = Option.getOrThrow(policy.tokenizer)
        const text = encode("a red face")
        const [red, face] = [text[1]!, text[2]!]
        const scores = yield* Effect.scoped(Effect.flatMap(policy.session, (session) =>
          session.logprobs([
            { prompt, tokens: Int32Array.of(...text, endOfTurn) },
            { prompt, tokens: Int32Array.of(...text, red) }
          ])))
        const [plain, mention] = [-sum(scores[0]!), -scores[1]!.at(-1)!]
        const loss = (auxiliary?: ReadonlyArray<Auxiliary>) =>
          Effect.map(
            policy.update(
              Objective.Supervised({
                examples: [{
                  prompt,
                  target: [{ text: "a red face", weight: 1 }],
                  ...(auxiliary && { auxiliary })
                }]
              }),
              still
            ),
            ({ loss }) => loss
          )
        assert.closeTo(yield* loss(), plain / 4, 1e-4)
        assert.closeTo(yield* loss([{ tokens: new Map([[face, red]]), weight: 2 }]), (plain + 2 * mention) / 4, 1e-4)
        // Of visual tokens no score is known: but it is one, whatever they weigh.
        const asked = Int32Array.from({ length: 16 }, (_, i) => i % 2 === 0 ? red : -1)
        const apart = Effect.fnUntraced(function*(weight: number) {
          return ((yield* loss([{ tokens: asked, weight }])) * (4 + 8 * weight) - plain) / weight / 8
        })
        const alone = yield* apart(0.5)
        assert.isAbove(alone, 0.1)
        assert.closeTo(yield* apart(2), alone, 1e-3)
      })),
    300_000
  )

  it.effect(
    "and the scores of a group are the same however it is cut",
    () =>
      Effect.gen(function*() {
        const losses = Effect.gen(function*() {
          const policy = yield* Policy
          const { encode } = Option.getOrThrow(policy.tokenizer)
          const texts = ["a red face", "joy", "people sing at a party", "a cat and a dog"]
          const scored = yield* Effect.scoped(Effect.flatMap(policy.session, (session) =>
            session.logprobs(prompts.flatMap((prompt) =>
              texts.map((text) => ({ prompt, tokens: encode(text) }))
            ))))
          const rollouts = prompts.flatMap((prompt, i) =>
            texts.map((text, j) => ({
              prompt,
              completion: {
                text,
                tokens: encode(text),
                // As if every other token had been half as likely.
                logprobs: scored[i * texts.length + j]!.map((logprob, t) =>
                  logprob - (t % 2) * Math.LN2
                ),
                finish: "stop" as const
              },
              advantage: j - 1.2
            }))
          )
          const { gradNorm, loss } = yield* policy.update(
            Objective.GroupRelative({
              rollouts,
              loss: "dapo",
              clip: { low: 0.2, high: 0.2 },
              kl: 0,
              innerUpdates: 1,
              maxTokens: 8
            }),
            still
          )
          // The surrogate by hand: a ratio of 2 counts as 1.2 where it is rewarded.
          const tokens = sum(rollouts.map(({ completion }) => completion.tokens.length))
          const expected = sum(rollouts.flatMap(({ advantage, completion }) =>
            Array.from(completion.tokens, (_, t) => -(t % 2 === 0 ? 1 : advantage > 0 ? 1.2 : 2) * advantage / tokens)
          ))
          assert.closeTo(loss, expected, 1e-4)
          return { loss, gradNorm, scores: scored.flatMap((values) => [...values]) }
        })
        const whole = yield* run(losses)
        for (const options of [{ microBatch: 1 }, { microTokens: 48 }]) {
          const cut = yield* run(losses, options)
          assert.closeTo(cut.loss, whole.loss, 1e-5)
          assert.closeTo(cut.gradNorm! / whole.gradNorm!, 1, 1e-3)
          cut.scores.forEach((value, i) =>
            assert.closeTo(value, whole.scores[i]!, 1e-4)
          )
        }
      }),
    300_000
  )
})

describe("the losses of ratios", () => {
  const texts = ["a red face", "joy", "people sing at a party", "a cat and a dog"]
  const settings: ReadonlyArray<Partial<GroupRelative>> = [
    { loss: "gspo", clip: { low: 0.1, high: 0.1 } },
    { loss: "cispo", clip: { low: 0.4, high: 0.5 } },
    { loss: "sapo" },
    { loss: "sapo", gate: { positive: 3, negative: 5 } },
    { loss: "dapo", maskTruncated: true },
    { loss: "grpo", entropy: 0.25 }
  ]

  it.effect("are what they are in plain numbers, however a group is cut", () =>
    Effect.gen(function*() {
      const found = Effect.gen(function*() {
        const policy = yield* Policy
        const { encode } = Option.getOrThrow(policy.tokenizer)
        const items = prompts.flatMap((prompt) => texts.map((text) => ({ prompt, tokens: encode(text) })))
        const scores = yield* Effect.scoped(Effect.flatMap(policy.session, (session) => session.logprobs(items)))
        const rollouts = items.map(({ prompt, tokens }, i): Rollout => ({
          prompt,
          advantage: i % 4 - 1.2,
          completion: {
            text: "",
            tokens,
            // As if tokens had been likelier or less likely, in each text others.
            logprobs: scores[i]!.map((logprob, t) => logprob - 0.7 * Math.sin(3 * i + t)),
            finish: i % 3 === 1 ? "length" : "stop"
          }
        }))
        return yield* Effect.forEach(settings, (some) => {
          const objective = Objective.GroupRelative({
            rollouts,
            loss: "grpo",
            clip: { low: 0.2, high: 0.2 },
            kl: 0,
            innerUpdates: 1,
            maxTokens: 8,
            ...some
          })
          return Effect.map(policy.update(objective, still), (stats) => ({ objective, scores, stats }))
        })
      })
      const whole = yield* run(found)
      for (const { objective, scores, stats } of whole) {
        const told = JSON.stringify({ ...objective, rollouts: undefined })
        const form = Surrogate.formOf(objective)
        const tally = Ratios.tally(form, objective.clip)
        const terms = TokenWeights.learned(objective).map(({ rollout, weight }) => {
          const { advantage, completion: { logprobs: old } } = rollout
          const logprobs = scores[objective.rollouts.indexOf(rollout)]!
          const advantages = Array.from(old, () => advantage)
          tally.add(Ratios.of(form, logprobs, old), advantages)
          return Surrogate.groupRelative(form, { logprobs, old, reference: old, advantages, weight }, objective)
        })
        const expected = sum(terms.map(({ loss }) => loss)) - (objective.entropy ?? 0) * (stats.entropy ?? 0)
        assert.closeTo(stats.loss, expected, 1e-4, told)
        const ratios = tally.stats()!
        for (const figure of ["mean", "max", "low", "high"] as const) {
          assert.closeTo(stats.ratios![figure], ratios[figure], 1e-3, `${told}: ${figure}`)
        }
        assert.closeTo(stats.clipFraction, ratios.low + ratios.high, 1e-6, told)
        assert.strictEqual(stats.entropy === undefined, objective.entropy === undefined, told)
        const left = objective.rollouts.filter(({ completion: { finish } }) =>
          objective.maskTruncated !== true || finish === "stop"
        )
        assert.strictEqual(stats.tokens, sum(left.map(({ completion }) => completion.tokens.length)), told)
      }
      // Of so many tokens no distribution is all but certain, none is wider than the vocabulary.
      const entropy = whole.at(-1)!.stats.entropy!
      assert.isTrue(entropy > 0.1 && entropy < 7, String(entropy))
      for (const options of [{ microBatch: 1 }, { microTokens: 48 }]) {
        const cut = yield* run(found, options)
        cut.forEach(({ stats }, i) => {
          const { stats: expected } = whole[i]!
          const told = `${JSON.stringify(settings[i])} ${JSON.stringify(options)}`
          assert.closeTo(stats.loss, expected.loss, 1e-5, told)
          assert.closeTo(stats.gradNorm! / expected.gradNorm!, 1, 1e-3, told)
          assert.closeTo(stats.ratios!.mean, expected.ratios!.mean, 1e-5, told)
          assert.strictEqual(stats.ratios!.high, expected.ratios!.high, told)
          assert.closeTo(stats.entropy ?? 0, expected.entropy ?? 0, 1e-5, told)
        })
      }
    }), 120_000)

  it.effect(
    "an entropy bonus widens the distributions, and its value is that of the draws in the mean",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const drawn = yield* Effect.scoped(
          Effect.flatMap(policy.session, (session) =>
            session.sample(prompts.map((prompt, i) => ({ prompt, key: `entropy/${i}` })), { count: 24, maxTokens: 8 }))
        )
        const rollouts = prompts.flatMap((prompt, i) =>
          drawn[i]!.map((completion): Rollout => ({ prompt, completion, advantage: 0 }))
        )
        const objective = Objective.GroupRelative({
          rollouts,
          loss: "dapo",
          clip: { low: 0.2, high: 0.2 },
          kl: 0,
          entropy: 1,
          innerUpdates: 1,
          maxTokens: 8
        })
        const tokens = sum(rollouts.map(({ completion }) =>
          completion.tokens.length
        ))
        const estimate = -sum(rollouts.flatMap(({ completion }) => [...completion.logprobs])) / tokens
        const before = yield* policy.update(objective, still)
        assert.closeTo(before.entropy!, estimate, 0.25 * estimate)
        assert.closeTo(before.loss, -before.entropy!, 1e-4)
        yield* policy.update(objective, { learningRate: 1e-4, weightDecay: 0 })
        const after = yield* policy.update(objective, still)
        assert.isAbove(after.entropy!, before.entropy!)
      })),
    60_000
  )
})

describe("the reference of a stage", () => {
  const group = Effect.gen(function*() {
    const policy = yield* Policy
    const [drawn = []] = yield* Effect.scoped(
      Effect.flatMap(
        policy.session,
        (session) => session.sample([{ prompt, key: "reference" }], { count: 3, maxTokens: 6 })
      )
    )
    return Objective.GroupRelative({
      rollouts: drawn.map((completion, g) => ({ prompt, completion, advantage: g - 1 })),
      loss: "grpo",
      clip: { low: 0.2, high: 0.2 },
      kl: 0.1,
      innerUpdates: 1,
      maxTokens: 6
    })
  })

  for (const lora of [undefined, { rank: 2, dropout: 0.5 }]) {
    it.effect(
      `is what it began with, until it ends: ${lora === undefined ? "weights of its own" : "an adapter that drops"}`,
      () =>
        run(
          Effect.scoped(Effect.gen(function*() {
            const policy = yield* Policy
            const fs = yield* FileSystem.FileSystem
            const folder = yield* fs.makeTempDirectoryScoped()
            const objective = yield* group
            const measured = Effect.map(policy.update(objective, still), ({ kl }) => kl)
            const moved = policy.update(objective, { learningRate: 1e-4, weightDecay: 0 })
            assert.strictEqual(yield* measured, 0, "nothing is held before a stage")
            yield* policy.checkpoint(`${folder}/none`)
            yield* policy.beginStage
            // What is dropped moves the policy a little, by its untouched adapter not at all.
            assert.closeTo(yield* measured, 0, 1e-6)
            yield* moved
            assert.isAbove(yield* measured, 1e-6)
            yield* policy.checkpoint(`${folder}/held`)
            const after = yield* measured
            yield* policy.endStage
            assert.strictEqual(yield* measured, 0)
            // Back in the stage it is held again; in none it is not.
            yield* policy.restore(`${folder}/held`)
            assert.strictEqual(yield* measured, after)
            yield* policy.restore(`${folder}/none`)
            assert.strictEqual(yield* measured, 0)
          })),
          lora === undefined ? {} : { lora }
        ),
      300_000
    )
  }
})
