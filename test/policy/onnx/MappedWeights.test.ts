/** A policy whose frozen weights are mapped from a file does what one that holds them does. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, type Scope } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Image from "../../../src/kernels/image/Image.ts"
import { Config, Precision } from "../../../src/kernels/models/index.ts"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { ModelDirectory, Quantize, Safetensors } from "../../../src/kernels/weights/index.ts"
import { Objective, OnnxPolicy, Policy, type Prompt } from "../../../src/policy/index.ts"
import { dequantize } from "../../kernels/weights/dequantize.ts"
import { weights } from "./weights.ts"

const fixture = fileURLToPath(new URL("../../fixtures/parity/qwen2-vl", import.meta.url))

const prompts: ReadonlyArray<Prompt> = [
  {
    images: [
      Image.rendered("a", () => ({
        width: 84,
        height: 56,
        data: Uint8Array.from({ length: 84 * 56 * 3 }, (_, i) => i * 7 % 251)
      }))
    ],
    text: "What do people feel here?"
  },
  { images: [], text: "What is a party?" }
]
const requests = prompts.map((prompt, i) => ({ prompt, key: `test/${i}` }))
const examples = prompts.map((prompt, i) => ({
  prompt,
  target: [{ text: ["joy and a cat", "people sing"][i]!, weight: 1 }]
}))

type Services = Policy | FileSystem.FileSystem
const run = <A, E>(effect: Effect.Effect<A, E, Services>, options: Partial<OnnxPolicy.Options>) =>
  Effect.provide(
    effect,
    OnnxPolicy.layer({ model: fixture, seed: 5, ...options }).pipe(
      Layer.provide(Runtime.layer({ workers: 1 })),
      Layer.provideMerge(NodeServices.layer)
    )
  ) as Effect.Effect<A, unknown>

/**
 * Greedy tokens, sampled groups, scores, two supervised steps and what they changed, a step on the groups, and scores
 * again.
 */
const observed = (training: boolean) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    const { encode } = Option.getOrThrow(policy.tokenizer)
    const score = Effect.scoped(Effect.flatMap(policy.session, (session) =>
      session.logprobs(
        prompts.map((prompt, i) => ({ prompt, tokens: encode(["a happy face", "the dragon is sad"][i]!) }))
      )))
    const { greedy, groups } = yield* Effect.scoped(Effect.gen(function*() {
      const session = yield* policy.session
      const greedy = yield* session.sample(requests, { count: 1, maxTokens: 24, temperature: 0 })
      return { greedy, groups: yield* session.sample(requests, { count: 4, maxTokens: 24 }) }
    }))
    const before = yield* score
    if (!training) {
      return { greedy, groups, before, after: before, losses: [], weights: new Float32Array(0) }
    }
    yield* policy.beginStage
    const losses: Array<number> = []
    for (let i = 0; i < 2; i++) {
      losses.push(
        (yield* policy.update(Objective.Supervised({ examples }), { learningRate: 3e-3, weightDecay: 0 })).loss
      )
    }
    const learned = yield* weights
    const rollouts = groups.flatMap((group, i) =>
      group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g % 2 - 0.5 }))
    )
    const reinforced = yield* policy.update(
      Objective.GroupRelative({
        rollouts,
        loss: "grpo",
        clip: { low: 0.2, high: 0.2 },
        kl: 0.04,
        innerUpdates: 1,
        maxTokens: 24
      }),
      { learningRate: 1e-4 }
    )
    losses.push(reinforced.loss, reinforced.kl)
    return { greedy, groups, before, losses, after: yield* score, weights: learned }
  })
type Observed = Effect.Success<ReturnType<typeof observed>>

const worst = (a: ReadonlyArray<ArrayLike<number>>, b: ReadonlyArray<ArrayLike<number>>) =>
  Math.max(...a.flatMap((xs, i) => Array.from(xs, (x, j) => Math.abs(x - b[i]![j]!))))
const tokens = (groups: Observed["greedy"]) => groups.map((group) => group.map((completion) => [...completion.tokens]))

const same = (found: Observed, expected: Observed, tolerance: number) => {
  assert.deepStrictEqual(tokens(found.greedy), tokens(expected.greedy))
  assert.isAtMost(worst(found.before, expected.before), tolerance)
  assert.isAtMost(worst([found.losses], [expected.losses]), tolerance)
  assert.isAtMost(worst(found.after, expected.after), 10 * tolerance)
  assert.isAtMost(worst([found.weights], [expected.weights]), 10 * tolerance)
}

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
const here = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

/** The fixture with its matrices replaced by what they are rounded to: a float32 directory that needs no cache. */
const rounded = Effect.fnUntraced(function*(precision: Precision.Precision, target: string) {
  const directory = yield* ModelDirectory.open(fixture)
  const quantized = Precision.quantizations(yield* Config.fromJson(directory.config), precision)
  const tensors: Array<Safetensors.NamedTensor> = []
  for (const [name, { header, info: { shape } }] of directory.tensors) {
    const data = yield* Safetensors.readFloat32(header, name)
    const format = quantized.get(name)
    if (format !== undefined) {
      const [out, inner] = shape as [number, number]
      const [integers, scales] = [
        new Uint8Array(out * Quantize.bytesOf(inner, format)),
        new Float32Array(out * Quantize.blocksOf(inner, format))
      ]
      Quantize.quantize(data, inner, format, integers, scales)
      dequantize(integers, scales, inner, format, data)
    }
    tensors.push({ name, shape, data })
  }
  yield* ModelDirectory.save(target, { from: fixture }, tensors)
  return quantized.size
})

const lora = { rank: 4, targets: "all-linear" } as const

/** Sets the last value of a stored tensor to NaN, whatever its type. */
const poison = Effect.fnUntraced(function*(directory: string, ending: string) {
  const { tensors } = yield* ModelDirectory.open(directory)
  const [, { header, info }] = [...tensors].find(([name]) => name.endsWith(ending))!
  const file = fs.openSync(header.path, "r+")
  fs.writeSync(file, Uint8Array.of(0xff, 0x7f), 0, 2, info.end - 2)
  fs.closeSync(file)
})

describe("a policy with mapped weights", () => {
  it.effect(
    "samples, scores and trains as one that holds them; 16-bit weights go through the cache, and are saved as " +
      "they were",
    () =>
      here(Effect.gen(function*() {
        const cache = path.join(yield* folder, "cache")
        const held = yield* run(observed(true), { lora })
        const mapped = yield* run(observed(true), { lora, mapWeights: true, cache })
        same(mapped, held, 2e-5)
        assert.deepStrictEqual(tokens(mapped.groups), tokens(held.groups))
        assert.strictEqual(fs.readdirSync(cache).length, 1)
        assert.isTrue(mapped.losses[1]! < mapped.losses[0]!)

        const saved = path.join(yield* folder, "saved")
        yield* run(Effect.flatMap(Policy, (policy) => policy.save(saved)), { lora, mapWeights: true, cache })
        const [own, again] = [yield* ModelDirectory.open(fixture), yield* ModelDirectory.open(saved)]
        for (const [name, { header }] of own.tensors) {
          assert.deepStrictEqual(
            yield* Safetensors.readFloat32(again.tensors.get(name)!.header, name),
            yield* Safetensors.readFloat32(header, name)
          )
        }
      })),
    300_000
  )

  it.effect("reads float32 files in their place", () =>
    here(Effect.gen(function*() {
      const [cache, model] = [path.join(yield* folder, "cache"), path.join(yield* folder, "model")]
      assert.strictEqual(yield* rounded("float32", model), 0)
      const [mapped, held] = [
        yield* run(observed(false), { model, trainable: "none", mapWeights: true, cache, decode: "step" }),
        yield* run(observed(false), { model, trainable: "none" })
      ]
      same(mapped, held, 2e-5)
      assert.isFalse(fs.existsSync(cache))
    })), 300_000)

  for (const quantize of ["int8", "int4"] as const) {
    it.effect(
      `rounded to ${quantize} it is the policy of the rounded weights, an adapter's training included`,
      () =>
        here(Effect.gen(function*() {
          const [cache, model] = [path.join(yield* folder, "cache"), path.join(yield* folder, "model")]
          // Seven matrices a decoder layer, four a block of the tower and two of its merger.
          assert.strictEqual(yield* rounded(quantize, model), 2 * 7 + 2 * 4 + 2)
          const [found, expected, full] = [
            yield* run(observed(true), { lora, quantize, cache }),
            yield* run(observed(true), { lora, model }),
            yield* run(observed(false), { lora })
          ]
          assert.isAbove(worst(found.before, full.before), 1e-3, "rounding is not free")
          assert.isAtMost(worst(found.before, expected.before), 1e-4)
          assert.isAtMost(worst([found.losses.slice(0, 2)], [expected.losses.slice(0, 2)]), 1e-4)
          // Adam's first steps are of one size whatever the gradient: where that is nothing but rounding they may
          // differ.
          const moved = found.weights.filter((x, i) => Math.abs(x - expected.weights[i]!) > 1e-4).length
          assert.isAtMost(moved / found.weights.length, 0.01)
          if (quantize === "int4") assert.deepStrictEqual(tokens(found.greedy), tokens(expected.greedy))
          // Every sampled token has about the log-probability that scoring gives it.
          const sampled = found.groups.flatMap((group, i) =>
            group.map((completion) => ({ prompt: prompts[i]!, completion }))
          )
          const scored = yield* run(
            Effect.scoped(Effect.flatMap(
              Effect.flatMap(Policy, ({ session }) => session),
              (session) => session.logprobs(sampled.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens })))
            )),
            { lora, quantize, cache }
          )
          assert.isAtMost(
            worst(scored, sampled.map(({ completion }) => completion.logprobs)),
            quantize === "int4" ? 1e-4 : 0.2
          )
        })),
      300_000
    )
  }

  it.effect(
    "is refused where a weight is no number: held, copied, rounded or mapped in its place",
    () =>
      here(Effect.gen(function*() {
        const [cache, half] = [path.join(yield* folder, "cache"), path.join(yield* folder, "half")]
        const single = path.join(yield* folder, "single")
        fs.cpSync(fixture, half, { recursive: true })
        yield* rounded("float32", single)
        const load = (model: string, options: Partial<OnnxPolicy.Options>) =>
          run(Effect.asVoid(Policy), { model, cache, ...options })
        // Whole they are taken in all of these ways: the damaged value is what is refused.
        const ways: ReadonlyArray<readonly [string, Partial<OnnxPolicy.Options>]> = [
          [half, {}],
          [half, { trainable: "all" }],
          [half, { lora }],
          [half, { lora, mapWeights: true }],
          [half, { lora, quantize: "int8" }],
          [half, { trainable: "none", quantize: "int4" }],
          [single, {}],
          [single, { trainable: "none", mapWeights: true }],
          [single, { lora, quantize: "int4" }]
        ]
        yield* Effect.forEach(ways, ([model, options]) => load(model, options))
        fs.rmSync(cache, { recursive: true })
        const name = "layers.1.mlp.down_proj.weight"
        for (const model of [half, single]) yield* poison(model, name)
        for (const [model, options] of ways) {
          const error = yield* Effect.flip(load(model, options))
          assert.include((error as Error).message, `policy load: ${model}/model.safetensors: tensor "`)
          assert.include((error as Error).message, `${name}": holds a value that is not finite (found NaN at [`)
        }
        assert.deepStrictEqual(fs.existsSync(cache) ? fs.readdirSync(cache) : [], [])
      })),
    300_000
  )

  it.effect(
    "is refused where the weights are to be trained, and is not trained itself",
    () =>
      here(Effect.gen(function*() {
        const refusal = (options: Partial<OnnxPolicy.Options>) =>
          Effect.map(Effect.flip(run(Effect.asVoid(Policy), options)), (error) => (error as Error).message)
        assert.match(
          yield* refusal({ quantize: "int4" }),
          /quantize is "int4", which needs frozen weights: give lora, or trainable: "none"/
        )
        assert.match(yield* refusal({ mapWeights: true, trainable: "all" }), /mapWeights needs frozen weights/)
        assert.match(
          yield* refusal({ quantize: "int8", mapWeights: false, lora: {} }),
          /quantised weights are always mapped/
        )
        assert.match(yield* refusal({ trainable: "none", lora: {} }), /trainable is "none" and lora is given/)
        const update = Effect.flatMap(
          Policy,
          (policy) => policy.update(Objective.Supervised({ examples }), { learningRate: 1e-3 })
        )
        assert.match(
          ((yield* Effect.flip(run(update, { trainable: "none" }))) as Error).message,
          /trainable is "none": this policy is not trained/
        )
      })),
    300_000
  )
})
