/** Weights that make numbers that are none: each way out of the policy says so, and nothing is made of them. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { readFileSync } from "node:fs"
import type { Grammar } from "../../../src/kernels/generate/index.ts"
import { Config, Parameters } from "../../../src/kernels/models/index.ts"
import { NotFinite, Objective, OnnxPolicy, Policy, type PolicyError, type SampleOptions, type UpdateOptions } from "../../../src/kernels/policy/index.ts"
import { inDraw } from "../../../src/kernels/policy/NotFinite.ts"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { ParameterStore } from "../../../src/kernels/train/index.ts"
import { prompts } from "./pictures.ts"

type Services = Policy | OnnxPolicy.TrainingState | FileSystem.FileSystem
const run = <A, E>(effect: Effect.Effect<A, E, Services>, options: Partial<OnnxPolicy.Options> = {}) =>
  Effect.provide(
    effect,
    OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, ...options }).pipe(Layer.provide(Runtime.layer({ workers: 2 })), Layer.provideMerge(NodeServices.layer))
  ) as Effect.Effect<A, unknown>

const requests = prompts.map((prompt, i) => ({ prompt, key: `test/${i}` }))
const update = { learningRate: 1e-3 }
const examples = [{ prompt: prompts[1]!, target: [{ text: "a red face", weight: 1 }] }]

/** Where the trained parameters lie. */
const slices = Effect.gen(function*() {
  const config = yield* Config.fromJson(JSON.parse(readFileSync("assets/scene-vl/config.json", "utf8")))
  const specs = Parameters.specs(config).map(({ decay, name, part, shape }) => ({ name, shape, decay, trainable: part === "decoder" }))
  return (yield* ParameterStore.make(specs)).slices
})

/** Finite weights that float32 does not multiply: the whole of a parameter, or some rows of it, set to a value. */
const poison = Effect.fnUntraced(function*(name: string, value: number, rows?: ReadonlyArray<number>) {
  const policy = yield* Policy
  const { length, offset, shape } = (yield* slices).get(name)!
  const { weights } = yield* policy.snapshot
  const width = shape.at(-1)!
  if (rows === undefined) weights.fill(value, offset, offset + length)
  else for (const row of rows) weights.fill(value, offset + row * width, offset + (row + 1) * width)
  yield* policy.restore({ version: 9, weights })
  return weights
})

const NORM = "model.norm.weight"
const EMBEDDING = "model.embed_tokens.weight"

/** How logits go wrong: all at once, or in one token's column alone. */
const poisons = {
  "every logit": poison(NORM, 3e38),
  "the logit of one token": poison(EMBEDDING, 3e38, [700])
}

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

const draw = (options: SampleOptions) =>
  Effect.scoped(Effect.flatMap(Effect.flatMap(Policy, ({ session }) => session), (session) => session.sample(requests, options)))

describe("rollouts whose logits are not finite", () => {
  for (const decode of ["loop", "step"] as const) {
    it.effect(`fail, decoded in one ${decode === "loop" ? "loop" : "step a run"}: every sampler, masked or not`, () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        const healthy = yield* policy.snapshot
        const grammar = alternating(policy.vocabularySize, policy.endOfTurn)
        const samplers: ReadonlyArray<readonly [string, Omit<SampleOptions, "count" | "maxTokens">]> = [
          ["greedy", { temperature: 0 }], ["sampled", {}], ["cool", { temperature: 0.3 }], ["a nucleus", { topP: 0.9 }]
        ]
        for (const [kind, poisoned] of Object.entries(poisons)) {
          yield* poisoned
          for (const [name, sampler] of samplers) {
            for (const mask of [undefined, grammar]) {
              const error = yield* Effect.flip(draw({ count: 3, maxTokens: 6, ...sampler, grammar: mask }))
              const label = `${kind}, ${name}, ${mask === undefined ? "free" : "masked"}: ${error.message}`
              assert.strictEqual(error._tag, "PolicyError")
              assert.instanceOf(error.cause, NotFinite)
              assert.match(error.message, /^policy sample: at step \d+ of sample "test\/\d", candidate \d, the logits are not finite: the weights are ruined/, label)
            }
          }
        }
        yield* policy.restore(healthy)
        assert.strictEqual((yield* draw({ count: 1, maxTokens: 4, grammar })).length, requests.length)
      })), 120_000)
  }

  it.effect("name the first step in which they show, and only that: fewer steps are drawn", () =>
    run(Effect.gen(function*() {
      const policy = yield* Policy
      const healthy = yield* policy.snapshot
      const { offset, shape } = (yield* slices).get(EMBEDDING)!
      const greedy = (maxTokens: number) => Effect.map(draw({ count: 1, maxTokens, temperature: 0 }), (groups) => groups[0]![0]!.tokens.length)
      let later = 0
      // One huge number in the embedding of one token: whether its logit overflows depends on the step's hidden state.
      for (let column = 0; column < 24; column++) {
        const weights = healthy.weights.slice()
        weights[offset + 700 * shape[1]! + column] = 3e38
        yield* policy.restore({ version: 9, weights })
        const message = yield* Effect.match(greedy(8), { onSuccess: () => "", onFailure: (error) => error.message })
        const step = Number(/at step (\d+) of sample "test\/0", candidate 0,/.exec(message)?.[1] ?? 0)
        if (step === 0) continue
        later++
        const drawn = yield* Effect.match(greedy(step), { onSuccess: String, onFailure: (error) => error.message })
        assert.notInclude(drawn, `"test/0"`)
      }
      assert.isAbove(later, 0)
    })), 60_000)
})

describe("a draw under a format mask", () => {
  it("means nothing where the token is forbidden, however likely it was", () => {
    const grammar = alternating(10, 9)
    const logprobs = Float32Array.of(-1, -1, 0, -1)
    assert.isUndefined(inDraw(Int32Array.of(2, 3, 4, 9), logprobs, grammar))
    assert.deepStrictEqual(inDraw(Int32Array.of(2, 3, 3, 9), logprobs, grammar), { step: 2, why: "no token that the format mask allows has a finite logit" })
    assert.isUndefined(inDraw(Int32Array.of(2, 3, 3, 9), logprobs, undefined))
  })
})

describe("scores", () => {
  it.effect("that are not finite fail, and name token and text", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const policy = yield* Policy
      yield* poison(NORM, 3e38)
      const session = yield* policy.session
      const tokens = policy.encode("a red face")
      const error = yield* Effect.flip(session.logprobs(prompts.map((prompt) => ({ prompt, tokens }))))
      assert.match(error.message, /^policy logprobs: the policy's log-probability of token 0 of item \d, candidate 0, is (NaN|-?Infinity): the weights are ruined/)
    }))), 60_000)

  it.effect("are refused at temperatures that are none, and for tokens that are none", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const policy = yield* Policy
      const session = yield* policy.session
      const tokens = policy.encode("a red face")
      for (const temperature of [NaN, 0, -1, Infinity]) {
        const error = yield* Effect.flip(session.logprobs([{ prompt: prompts[0]!, tokens, temperature }]))
        assert.include(error.message, `policy logprobs: item 0: temperature is ${temperature}, expected a number from 0.00001`)
      }
      for (const token of [-1, policy.vocabularySize]) {
        const error = yield* Effect.flip(session.logprobs([{ prompt: prompts[0]!, tokens: Int32Array.of(3, token) }]))
        assert.include(error.message, `item 0: token 1 is ${token}, expected an id from 0 to ${policy.vocabularySize - 1}`)
      }
    }))), 60_000)
})

const state = Effect.flatMap(OnnxPolicy.TrainingState, ({ get }) => get)

/** What an update that fails must leave as it was. */
const untouched = Effect.fnUntraced(function*(failing: Effect.Effect<unknown, PolicyError, Policy>) {
  const before = yield* state
  const error = yield* Effect.flip(failing)
  assert.deepStrictEqual(yield* state, before, error.message)
  return error
})

describe("updates", () => {
  it.effect("with a loss or a gradient that is not finite change neither weights nor moments", () =>
    run(Effect.gen(function*() {
      const policy = yield* Policy
      yield* policy.beginStage
      yield* policy.update(Objective.Supervised({ examples }), update)
      const rollouts = (yield* draw({ count: 2, maxTokens: 6 })).flatMap((group, i) =>
        group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g - 0.5 })))
      const groups = Objective.GroupRelative({ rollouts, loss: "grpo", clip: { low: 0.2, high: 0.2 }, kl: 0.1, innerUpdates: 2, maxTokens: 6 })
      for (const poisoned of Object.values(poisons)) {
        yield* poisoned
        for (const objective of [Objective.Supervised({ examples }), groups]) {
          const error = yield* untouched(policy.update(objective, update))
          assert.match(error.message, /^policy update: (the loss is (NaN|-?Infinity): the weights are ruined|optimiser step 1: the gradient's norm is)/)
        }
      }
    })), 120_000)

  it.effect("held to a reference that is not finite name it", () =>
    run(Effect.gen(function*() {
      const policy = yield* Policy
      const healthy = yield* policy.snapshot
      const rollouts = (yield* draw({ count: 2, maxTokens: 6 })).flatMap((group, i) =>
        group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g - 0.5 })))
      yield* poison(NORM, 3e38)
      yield* policy.beginStage
      yield* policy.restore(healthy)
      const objective = Objective.GroupRelative({ rollouts, loss: "grpo", clip: { low: 0.2, high: 0.2 }, kl: 0.1, innerUpdates: 1, maxTokens: 6 })
      const error = yield* untouched(policy.update(objective, update))
      assert.match(error.message, /^policy update: the reference's log-probability of token 0 of item \d, candidate \d, is (NaN|-?Infinity)/)
      // Where nothing is held to it, it is not asked.
      yield* policy.update({ ...objective, kl: 0 }, update)
    })), 60_000)

  it.effect("that float32 does not hold are told at once, and saved nowhere", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const policy = yield* Policy
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const healthy = yield* policy.snapshot
      yield* policy.beginStage
      const error = yield* Effect.flip(policy.update(Objective.Supervised({ examples }), { learningRate: 1e39 }))
      assert.match(error.message, /^policy update: optimiser step 1: after an update at learning rate 1e\+39 parameter model\.\S+: is -?(Infinity|NaN) at \[\d+(, \d+)?\], expected/)
      const refused = yield* Effect.flip(policy.save(`${folder}/model`))
      assert.include(refused.message, `policy save: ${folder}/model/model.safetensors: tensor "`)
      assert.match(refused.message, /holds a value (that is not finite|beyond F16, .*) \(found (NaN|-?Infinity|-?[\d.e+]+) at \[\d+/)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      // Nor is it ever taken for a snapshot to come back to.
      const again = yield* Effect.flip(policy.restore(yield* policy.snapshot))
      assert.match(again.message, /^policy restore: parameter \S+: is \S+ at \[/)
      yield* policy.restore(healthy)
      yield* policy.save(`${folder}/model`)
    }))), 60_000)

  it.effect("too large for the checkpoint's element type are refused when they are saved", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const policy = yield* Policy
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* poison(EMBEDDING, 70000, [3])
      const error = yield* Effect.flip(policy.save(`${folder}/model`))
      assert.include(error.message, `tensor "${EMBEDDING}": holds a value beyond F16, the element type it is stored in (found 70000 at [3, 0], expected magnitudes up to 65504)`)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    }))), 60_000)

  it.effect("are refused for settings and numbers that mean nothing, before anything is computed", () =>
    run(Effect.gen(function*() {
      const policy = yield* Policy
      const [prompt] = prompts
      const completion = (yield* draw({ count: 1, maxTokens: 4 }))[0]![0]!
      const rollout = { prompt: prompt!, completion, advantage: 1 }
      const grpo = { rollouts: [rollout], loss: "grpo", clip: { low: 0.2, high: 0.2 }, kl: 0, innerUpdates: 1, maxTokens: 8 } as const
      const supervised = (weight: number) => Objective.Supervised({ examples: [{ prompt: prompt!, target: [{ text: "a red face", weight }] }] })
      const refused: ReadonlyArray<readonly [Objective, Partial<UpdateOptions>, string]> = [
        ...[NaN, Infinity, -1].map((learningRate) => [supervised(1), { learningRate }, `learningRate is ${learningRate}, expected a number from 0`] as const),
        [supervised(1), { weightDecay: NaN }, "weightDecay is NaN, expected a number from 0"],
        [supervised(1), { clipNorm: 0 }, "clipNorm is 0, expected a number above 0, or Infinity"],
        [supervised(NaN), {}, "example 0: weight is NaN, expected a number from 0"],
        [supervised(-1), {}, "example 0: weight is -1, expected a number from 0"],
        [supervised(0), {}, "nothing to learn from: every target weighs 0"],
        [Objective.GroupRelative({ ...grpo, kl: NaN }), {}, "kl is NaN, expected a number from 0"],
        [Objective.GroupRelative({ ...grpo, clip: { low: 2, high: 0.2 } }), {}, "clip.low is 2, expected a number in [0, 1]"],
        [Objective.GroupRelative({ ...grpo, clip: { low: 0.2, high: NaN } }), {}, "clip.high is NaN, expected a number from 0"],
        [Objective.GroupRelative({ ...grpo, innerUpdates: 1.5 }), {}, "innerUpdates is 1.5, expected a whole number from 1"],
        [Objective.GroupRelative({ ...grpo, maxTokens: 0 }), {}, "maxTokens is 0, expected a whole number from 1"],
        [Objective.GroupRelative({ ...grpo, rollouts: [{ ...rollout, advantage: NaN }] }), {}, "rollout 0: advantage is NaN, expected a number"],
        [Objective.GroupRelative({ ...grpo, rollouts: [rollout, { ...rollout, temperature: 0 }] }), {}, "rollout 1: temperature is 0, expected a number from 0.00001: a greedy choice"],
        [Objective.GroupRelative({ ...grpo, rollouts: [{ ...rollout, completion: { ...completion, tokens: completion.tokens.map(() => -1) } }] }), {}, "rollout 0: token 0 is -1"],
        [Objective.GroupRelative({ ...grpo, rollouts: [{ ...rollout, completion: { ...completion, logprobs: new Float32Array(0) } }] }), {}, "rollout 0: 0 log-probabilities for 4 tokens"],
        [Objective.GroupRelative({ ...grpo, rollouts: [{ ...rollout, completion: { ...completion, logprobs: Float32Array.of(0, 0, NaN, 0) } }] }), {}, "rollout 0: log-probability 2 is NaN"]
      ]
      for (const [objective, options, says] of refused) {
        const error = yield* untouched(policy.update(objective, { ...update, ...options }))
        assert.include(error.message, `policy update: ${says.startsWith("nothing") ? "there is " : ""}${says}`)
      }
    })), 60_000)
})

describe("options", () => {
  for (const [options, says] of [
    [{ seed: NaN }, "seed is NaN, expected a whole number"],
    [{ microBatch: 0 }, "microBatch is 0, expected a whole number from 1"],
    [{ microTokens: 1.5 }, "microTokens is 1.5, expected a whole number from 1"],
    [{ rolloutRows: NaN }, "rolloutRows is NaN, expected a whole number from 1"],
    [{ packFrom: [0, NaN] }, "packFrom.1 is NaN, expected a number from 0, or Infinity"],
    [{ optimizer: { beta1: 1 } }, "optimizer.beta1 is 1, expected a number in [0, 1)"],
    [{ optimizer: { epsilon: 0 } }, "optimizer.epsilon is 0, expected a number above 0"],
    [{ plan: { promptTokens: 8, newTokens: 8, prompts: 1, group: 1, limit: NaN } }, "plan.limit is NaN, expected a number above 0, or Infinity"],
    [{ lora: { rank: 1e12 } }, "lora.rank is 1000000000000, expected a whole number from 1 to"],
    [{ lora: { alpha: NaN } }, "lora.alpha is NaN, expected a number above 0"],
    [{ lora: { dropout: 1 } }, "lora.dropout is 1, expected a number in [0, 1)"],
    [{ lora: { adapter: "anywhere", dropout: NaN } }, "lora.dropout is NaN, expected a number in [0, 1)"]
  ] as const) {
    it.effect(`are refused: ${says}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(run(Policy, options))
        assert.include((error as Error).message, `policy load: ${says}`)
      }))
  }
})
