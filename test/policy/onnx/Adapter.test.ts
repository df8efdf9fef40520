/** A policy with an adapter: the base stays as it is, everything else is as with full weights. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Config } from "../../../src/kernels/models/index.ts"
import { Objective, OnnxPolicy, Policy } from "../../../src/policy/index.ts"
import * as Adapter from "../../../src/policy/onnx/Adapter.ts"
import { sharing } from "../workers.ts"
import { prompts } from "./pictures.ts"
import { setState, setWeights, state, weights } from "./weights.ts"

const runtime = sharing()

const requests = prompts.map((prompt, i) => ({ prompt, key: `test/${i}` }))
const examples = prompts.map((prompt, i) => ({
  prompt,
  target: [{ text: ["a red face", "joy", "people sing"][i]!, weight: 1 }]
}))
const update = { learningRate: 2e-3, weightDecay: 0 }

type Services = Policy | OnnxPolicy.Adapters | FileSystem.FileSystem

const run = <A, E>(effect: Effect.Effect<A, E, Services>, options: Partial<OnnxPolicy.Options> = {}, workers = 2) =>
  Effect.provide(
    effect,
    OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, lora: { rank: 4 }, ...options }).pipe(
      Layer.provide(runtime(workers)),
      Layer.provideMerge(NodeServices.layer)
    )
  ) as Effect.Effect<A, unknown>

const targets = ["a red face and a cat", "joy is here", "people sing"]
const logprobs = Effect.scoped(Effect.gen(function*() {
  const policy = yield* Policy
  const session = yield* policy.session
  const { encode } = Option.getOrThrow(policy.tokenizer)
  return yield* session.logprobs(prompts.map((prompt, i) => ({ prompt, tokens: encode(targets[i]!) })))
}))
const worst = (a: ReadonlyArray<ArrayLike<number>>, b: ReadonlyArray<ArrayLike<number>>) =>
  Math.max(...a.flatMap((xs, i) => Array.from(xs, (x, j) => Math.abs(x - b[i]![j]!))))

const train = (steps: number) =>
  Effect.gen(function*() {
    const policy = yield* Policy
    yield* policy.beginStage
    for (let i = 0; i < steps; i++) yield* policy.update(Objective.Supervised({ examples }), update)
  })

const groupOf = Effect.scoped(Effect.gen(function*() {
  const session = yield* (yield* Policy).session
  const groups = yield* session.sample(requests, { count: 4, maxTokens: 10 })
  return groups.flatMap((group, i) =>
    group.map((completion, g) => ({ prompt: prompts[i]!, completion, advantage: g % 2 === 0 ? 1 : -1 }))
  )
}))
const grpo = (rollouts: Effect.Success<typeof groupOf>) =>
  Objective.GroupRelative({
    rollouts,
    loss: "grpo",
    clip: { low: 0.2, high: 0.2 },
    kl: 0.04,
    innerUpdates: 1,
    maxTokens: 10
  })

describe("a policy with an adapter", () => {
  it.effect("whose numbers are none is neither saved nor loaded", () =>
    Effect.scoped(Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "adapter-"))),
        (dir) => Effect.sync(() => fs.rmSync(dir, { recursive: true }))
      )
      const saved = path.join(folder, "adapter")
      yield* run(Effect.gen(function*() {
        const [{ save }, adapters] = [yield* Policy, yield* OnnxPolicy.Adapters]
        yield* adapters.save(saved)
        // Finite, and too large to be merged.
        yield* setWeights((yield* weights).fill(1e20))
        const merged = yield* Effect.flip(save(path.join(folder, "merged")))
        assert.include(merged.message, `policy save: ${folder}/merged/model.safetensors: tensor "model.`)
        assert.match(merged.message, /holds a value (that is not finite|beyond F16, .*) \(found/)
      }))
      const config = yield* Config.fromJson(JSON.parse(fs.readFileSync("assets/scene-vl/config.json", "utf8")))
      const none = yield* Effect.provide(Adapter.make(config, { rank: 2 }, 1), NodeServices.layer)
      none.store.data.fill(NaN)
      const alone = yield* Adapter.save(config, none, "base", path.join(folder, "ruined")).pipe(
        Effect.flip,
        Effect.provide(NodeServices.layer)
      )
      assert.include(alone.message, `policy save: ${folder}/ruined/adapter_model.safetensors: tensor "base_model.`)
      assert.match(alone.message, /lora_[AB]\.weight": holds a value that is not finite \(found NaN/)
      assert.deepStrictEqual(fs.readdirSync(folder), ["adapter"])
      const file = path.join(saved, "adapter_model.safetensors")
      const bytes = fs.readFileSync(file)
      bytes.fill(0xff, bytes.length - 4)
      fs.writeFileSync(file, bytes)
      const error = yield* Effect.flip(run(Effect.asVoid(Policy), { lora: { adapter: saved } }))
      assert.include((error as Error).message, `policy load: ${file}: tensor "base_model.model.`)
      assert.match((error as Error).message, /": holds a value that is not finite \(found NaN at \[\d+, \d+\]\)/)
    })), 300_000)

  it.effect(
    "starts as its base, learns, scores what it samples; its state is the adapter alone",
    () =>
      Effect.gen(function*() {
        const base = yield* run(logprobs, { lora: undefined as never })
        yield* run(Effect.gen(function*() {
          const policy = yield* Policy
          const [fresh, length] = [yield* policy.snapshot, (yield* weights).length]
          assert.deepStrictEqual(yield* logprobs, base, "an untouched adapter changes no bit")
          yield* train(4)
          const [trained, kept] = [yield* logprobs, yield* state]
          assert.isAbove(worst(trained, base), 0.1)
          assert.deepStrictEqual(
            Object.values(kept.tensors).map((data) => data.length),
            [length, length, length],
            "weights and two moments; the base is the reference"
          )
          // Rank 4 on the seven projections of four layers of width 144, key-value width 72, MLP width 384.
          assert.closeTo(length, 4 * 4 * (2 * (144 + 144) + 2 * (144 + 72) + 3 * (144 + 384)), 0.01 * length)

          const scored = yield* Effect.scoped(Effect.gen(function*() {
            const session = yield* policy.session
            const groups = yield* session.sample(requests, { count: 3, maxTokens: 12 })
            const again = yield* session.logprobs(
              groups.flatMap((group, i) => group.map(({ tokens }) => ({ prompt: prompts[i]!, tokens })))
            )
            return worst(groups.flat().map((completion) => completion.logprobs), again)
          }))
          assert.isAtMost(scored, 1e-4)

          yield* policy.revert(fresh)
          assert.deepStrictEqual(yield* logprobs, base)
          yield* setState(kept)
          assert.deepStrictEqual(yield* logprobs, trained)
        }))
      }),
    300_000
  )

  it.effect(
    "trains on groups with the base as reference, later with what the stage started from",
    () =>
      run(Effect.gen(function*() {
        const policy = yield* Policy
        yield* policy.beginStage
        const rollouts = yield* groupOf
        const first = yield* policy.update(grpo(rollouts), update)
        assert.closeTo(first.loss, 0, 1e-4)
        assert.closeTo(first.kl, 0, 1e-6)
        assert.isAbove(first.gradNorm!, 0)
        assert.isAbove((yield* policy.update(grpo(rollouts), update)).kl, 1e-6)
        yield* policy.beginStage
        assert.closeTo((yield* policy.update(grpo(yield* groupOf), update)).kl, 0, 1e-6)
      })),
    300_000
  )

  it.effect("can hold on to its base throughout", () =>
    run(
      Effect.gen(function*() {
        const policy = yield* Policy
        yield* train(3)
        yield* policy.beginStage
        assert.isAbove((yield* policy.update(grpo(yield* groupOf), update)).kl, 1e-4)
      }),
      { lora: { rank: 4, reference: "base" } }
    ), 60_000)

  it.effect(
    "in the vision tower too: the reference sees with the tower that it held",
    () =>
      run(
        Effect.gen(function*() {
          const policy = yield* Policy
          const before = yield* logprobs
          yield* train(2)
          assert.isAbove(worst(yield* logprobs, before), 1e-3)
          yield* policy.beginStage
          const rollouts = yield* groupOf
          assert.closeTo((yield* policy.update(grpo(rollouts), update)).kl, 0, 1e-6)
          assert.isAbove((yield* policy.update(grpo(rollouts), update)).kl, 1e-6)
        }),
        { lora: { rank: 2, targets: ["attn.qkv", "mlp.fc1", "merger.mlp.2"] } }
      ),
    300_000
  )

  it.effect("drops by step and example: neither batches nor workers matter", () =>
    Effect.gen(function*() {
      const lora = { rank: 4, targets: "all-linear", dropout: 0.3 }
      const learned = Effect.andThen(train(3), weights)
      const together = yield* run(learned, { lora })
      assert.deepStrictEqual(yield* run(learned, { lora }), together, "the same bits again")
      const apart = yield* run(learned, { lora, microBatch: 1 }, 1)
      assert.isAtMost(worst([apart], [together]), 1e-4)
      const none = yield* run(learned, { lora: { ...lora, dropout: 0 } })
      assert.isAbove(worst([none], [together]), 1e-3)
    }), 300_000)

  it.effect(
    "is saved as PEFT and goes on from there; merged, it is the same model without an adapter",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const trained = yield* run(Effect.gen(function*() {
          yield* train(3)
          yield* (yield* OnnxPolicy.Adapters).save(`${directory}/adapter`)
          // Tools look for these beside an adapter; a config.json would make a model of it.
          const beside = yield* fs.readDirectory(`${directory}/adapter`)
          assert.includeMembers(beside, [
            "README.md",
            "chat_template.jinja",
            "generation_config.json",
            "tokenizer.json"
          ])
          assert.notInclude(beside, "config.json")
          const card = yield* fs.readFileString(`${directory}/adapter/README.md`)
          assert.match(card, /^---\nlibrary_name: peft\n/)
          assert.notInclude(card, "/")
          yield* (yield* Policy).save(`${directory}/merged`)
          return yield* logprobs
        }))
        assert.deepStrictEqual(yield* run(logprobs, { lora: { adapter: `${directory}/adapter` } }), trained)
        // The merged weights are rounded to the directory's bfloat16.
        assert.isAtMost(
          worst(yield* run(logprobs, { model: `${directory}/merged`, lora: undefined as never }), trained),
          0.15
        )
        const none = yield* Effect.flip(
          run(Effect.flatMap(OnnxPolicy.Adapters, ({ save }) => save(`${directory}/none`)), {
            lora: undefined as never
          })
        )
        assert.match((none as Error).message, /this policy has no adapter/)
      })).pipe(Effect.provide(NodeServices.layer)),
    300_000
  )

  it.effect("cannot train all weights beside it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(logprobs, { trainable: "all" }))
      assert.match((error as Error).message, /trainable is "all" and lora is given/)
    }))
})
