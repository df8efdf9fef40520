/**
 * The policy at an engine against the local one: the same objectives on the same rollouts, with the embedded checkpoint
 * on both sides, give the same figures and the same gradients.
 */
import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, Path, Stream } from "effect"
import { Scenes } from "../../../src/index.ts"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { Safetensors } from "../../../src/kernels/weights/index.ts"
import { directoryOf } from "../../../src/policy/Embedded.ts"
import { Objective, OnnxPolicy, Policy, type Rollout, TinkerPolicy } from "../../../src/policy/index.ts"
import * as Backend from "./backend.ts"
import * as Server from "./server.ts"

const model = directoryOf("embedded")

class Engines extends Context.Service<Engines, { readonly backend: Backend.Backend }>()("test/Engines") {}

const engines = Layer.effect(Engines, Effect.map(Backend.open, (backend) => ({ backend })))

const local = Layer.effectContext(
  Effect.map(
    Layer.build(
      OnnxPolicy.layer({ model, seed: 0 }).pipe(
        Layer.provide(Layer.merge(Runtime.layer({ workers: 2 }), NodeServices.layer))
      )
    ),
    (context) => Context.make(Local, Context.get(context, Policy))
  )
)
class Local extends Context.Service<Local, Policy["Service"]>()("test/Local") {}

/** A policy at an engine of its own. */
const remote = (options: Partial<TinkerPolicy.Options> = {}, served: Server.Options = {}) =>
  Effect.gen(function*() {
    const { backend } = yield* Engines
    const engine = yield* Server.start(backend, served)
    const context = yield* Layer.build(
      TinkerPolicy.layer({ baseUrl: engine.baseUrl, model: "embedded", tokenizer: model, seed: 0, rank: 0, ...options })
        .pipe(Layer.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer)))
    )
    return { engine, policy: Context.get(context, Policy), connection: Context.get(context, TinkerPolicy.Connection) }
  })

const scenes = Stream.runCollect(Scenes.dataset({ split: "train", limit: 4 }))

/** Prompts about pictures, with texts that the local policy drew once. */
const recorded = Effect.gen(function*() {
  const policy = yield* Local
  const samples = yield* scenes
  const requests = [...samples].flatMap(({ image }, i) => [
    { prompt: { images: [image], text: "What is in this picture?" }, key: `seen/${i}` },
    { prompt: { images: [], text: "A happy face beside a cake. What is felt?" }, key: `read/${i}` }
  ])
  const drawn = yield* Effect.scoped(
    Effect.flatMap(policy.session, (session) => session.sample(requests, { count: 3, maxTokens: 12 }))
  )
  return requests.flatMap(({ prompt }, i) =>
    (drawn[i] ?? []).map((completion, g): Rollout => ({ prompt, completion, advantage: [1.2, -0.7, -0.5][g] ?? 0 }))
  )
})

const reinforce = (rollouts: ReadonlyArray<Rollout>, more: object = {}) =>
  Objective.GroupRelative({
    rollouts,
    loss: "grpo",
    clip: { low: 0.2, high: 0.2 },
    kl: 0,
    innerUpdates: 1,
    maxTokens: 12,
    ...more
  })

const objectives = (rollouts: ReadonlyArray<Rollout>) => ({
  "supervised, weighted": Objective.Supervised({
    examples: rollouts.slice(0, 6).map(({ completion, prompt }) => ({
      prompt,
      target: [{ text: completion.text || "a face", weight: 1 }, { text: " joy 60", weight: 3 }]
    }))
  }),
  "grpo, two prompts": reinforce(rollouts),
  "grpo with a reference": reinforce(rollouts, { kl: 0.1 }),
  dr_grpo: reinforce(rollouts, { loss: "dr_grpo" }),
  "dapo, clipped": reinforce(rollouts, { loss: "dapo", clip: { low: 0.05, high: 0.1 }, innerUpdates: 2 })
})

const cosine = (a: Float32Array, b: Float32Array): number => {
  let [ab, aa, bb] = [0, 0, 0]
  a.forEach((value, i) => {
    ab += value * b[i]!
    aa += value * value
    bb += b[i]! * b[i]!
  })
  return ab / Math.sqrt(aa * bb)
}

/** The first moment after one step from fresh ones is the clipped gradient times 1 − β₁. */
const momentOf = (policy: Policy["Service"]) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* policy.checkpoint(directory)
    const header = yield* Safetensors.readHeader((yield* Path.Path).join(directory, "state.safetensors"))
    const length = header.tensors.get("firstMoment")?.shape[0] ?? 0
    return yield* Safetensors.readFloat32(header, "firstMoment", new Float32Array(length))
  }).pipe(Effect.provide(NodeServices.layer))

const update = { learningRate: 3e-4, weightDecay: 0.1, clipNorm: 1 }

describe("Policy.tinker", () => {
  layer(Layer.merge(engines, local), { timeout: 120_000 })((it) => {
    it.effect("learns as the local policy does: ten updates of every objective", () =>
      Effect.gen(function*() {
        const policy = yield* Local
        const rollouts = yield* recorded
        const begun = yield* policy.snapshot
        for (const [name, objective] of Object.entries(objectives(rollouts))) {
          const { policy: far } = yield* remote({ reference: "stage" })
          yield* policy.revert(begun)
          yield* policy.beginStage
          yield* far.beginStage
          const inner = objective._tag === "Supervised" ? 1 : objective.innerUpdates
          for (let step = 1; step <= 10 / inner; step++) {
            const here = yield* policy.update(objective, update)
            const there = yield* far.update(objective, update)
            for (const figure of ["loss", "kl", "clipFraction", "gradNorm"] as const) {
              const [a = NaN, b = NaN] = [here[figure], there[figure]]
              assert.isBelow(Math.abs(a - b), 1e-4 * Math.max(1, Math.abs(a)), `${name}, step ${step}: ${figure} ${a} ${b}`)
            }
            assert.strictEqual(here.tokens, there.tokens)
          }
          yield* policy.endStage
        }
        yield* policy.revert(begun)
      }).pipe(Effect.scoped), 300_000)

    it.effect("sends the gradient of every objective, whatever the engine divides by", () =>
      Effect.gen(function*() {
        const policy = yield* Local
        const rollouts = yield* recorded
        const begun = yield* policy.snapshot
        for (const served of [{}, { mean: "sequence" as const, limit: { data: 3, bytes: 1e6 } }]) {
          for (const [name, objective] of Object.entries(objectives(rollouts))) {
            const { connection, engine, policy: far } = yield* remote({ reference: "stage" }, served)
            yield* policy.revert(begun)
            yield* policy.beginStage
            yield* far.beginStage
            const once = objective._tag === "Supervised" ? objective : { ...objective, innerUpdates: 1 }
            yield* policy.update(once, update)
            yield* far.update(once, update)
            const moments = [...engine.models.values()].at(-1)?.held.moments.firstMoment

            const found = cosine(yield* momentOf(policy), moments ?? new Float32Array(0))
            assert.isAtLeast(found, 0.9999, `${name}, ${JSON.stringify(served)}, ${connection.normaliser}`)
            yield* policy.endStage
          }
        }
        yield* policy.revert(begun)
      }).pipe(Effect.scoped), 300_000)
  })
})
