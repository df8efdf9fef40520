/** Policies at engines of the tests, and the local one beside them. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, Layer, Stream } from "effect"
import { Scenes } from "../../../src/index.ts"
import { Runtime } from "../../../src/kernels/runtime/index.ts"
import { directoryOf } from "../../../src/policy/Embedded.ts"
import { Objective, OnnxPolicy, Policy, type Rollout, TinkerPolicy } from "../../../src/policy/index.ts"
import * as Backend from "./backend.ts"
import * as Server from "./server.ts"

export const directory = directoryOf("embedded")

export class Engines extends Context.Service<Engines, Backend.Backend>()("test/Engines") {}
/** The embedded checkpoint behind every engine. */
export const engines = Layer.effect(Engines, Backend.open)
/** An adapter on it is trained, a fraction of the numbers: for what is no matter of how many they are. */
export const adaptingEngines = Layer.effect(Engines, Backend.openWith({ rank: 4 }))
/** The embedded checkpoint, read once for neighbours behind one prompt: for long runs. */
export const packedEngines = Layer.effect(Engines, Backend.openWith({ packed: true }))

export class Local extends Context.Service<Local, Policy["Service"]>()("test/Local") {}
/** The same checkpoint without a wire. */
export const local = Layer.effectContext(
  Effect.map(
    Layer.build(
      OnnxPolicy.layer({ model: directory, seed: 0 }).pipe(
        Layer.provide(Layer.merge(Runtime.layer({ workers: 1, keep: 32 }), NodeServices.layer))
      )
    ),
    (context) => Context.make(Local, Context.get(context, Policy))
  )
)

/** A policy at an address; what is known of the engine is not measured again. */
export const policyAt = (
  baseUrl: string,
  options: Partial<TinkerPolicy.Options> = {},
  known?: TinkerPolicy.Known
) =>
  Effect.map(
    Layer.build(
      TinkerPolicy.layer({
        baseUrl,
        model: "embedded",
        tokenizer: directory,
        seed: 0,
        rank: 0,
        backoff: "5 millis",
        ...options
      }, known).pipe(Layer.provide(Layer.merge(NodeHttpClient.layerUndici, NodeServices.layer)))
    ),
    (context) => ({ policy: Context.get(context, Policy), connection: Context.get(context, TinkerPolicy.Connection) })
  )

/** A policy at an engine of its own. */
export const remote = (
  options: Partial<TinkerPolicy.Options> = {},
  served: Server.Options = {},
  known?: TinkerPolicy.Known
) =>
  Effect.gen(function*() {
    const engine = yield* Server.start(yield* Engines, served)
    return { engine, ...yield* policyAt(engine.baseUrl, options, known) }
  })

const scenes = Stream.runCollect(Scenes.dataset({ split: "train", limit: 2 }))

/** Prompts about pictures and without, with texts that a policy draws. */
export const recorded = (policy: Policy["Service"]) =>
  Effect.gen(function*() {
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

export const reinforce = (
  rollouts: ReadonlyArray<Rollout>,
  more: Partial<Extract<Objective, { readonly _tag: "GroupRelative" }>> = {}
) =>
  Objective.GroupRelative({
    rollouts,
    loss: "grpo",
    clip: { low: 0.2, high: 0.2 },
    kl: 0,
    innerUpdates: 1,
    maxTokens: 12,
    ...more
  })

export const supervise = (rollouts: ReadonlyArray<Rollout>) =>
  Objective.Supervised({
    examples: rollouts.slice(0, 6).map(({ completion, prompt }) => ({
      prompt,
      target: [{ text: completion.text || "a face", weight: 1 }, { text: " joy 60", weight: 3 }]
    }))
  })

export const update = { learningRate: 3e-4, weightDecay: 0.1, clipNorm: 1 }
