/**
 * What is counted: steps of the embedded checkpoint, and of an adapter on it. All texts have the length that they are
 * given here, whatever a machine's rounding draws, so that shapes are always the same.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Layer, Logger, Option } from "effect"
import type { Grammar } from "../../src/kernels/generate/index.ts"
import { Image } from "../../src/kernels/image/index.ts"
import { Objective, OnnxPolicy, Policy, type Prompt, type Rollout } from "../../src/policy/index.ts"
import * as CountingRuntime from "./CountingRuntime.ts"

const PROMPTS = 2
const GROUP = 8
/** Of a draw, its end of turn among them. */
const TOKENS = 32
const WORKERS = 2

/** A picture of the checkpoint's size. */
const picture = (id: string): Image.Image =>
  Image.rendered(id, () => ({
    width: 112,
    height: 112,
    data: Uint8Array.from({ length: 112 * 112 * 3 }, (_, i) => (i * 7 + id.length * i) % 251)
  }))

/** Prompts about pictures that nothing knows yet. */
const prompts = (step: string): ReadonlyArray<Prompt> =>
  Array.from({ length: PROMPTS }, (_, i) => ({
    images: [picture(`${step}/${i}`)],
    text: "What do people feel here, and why? Say it in a few words."
  }))

/** Texts of exactly `TOKENS` tokens: the end of turn is the last, and nowhere else. */
const line = Effect.map(Policy, ({ tokenizer }): Grammar => {
  const { endOfTurn, vocabularySize: vocabulary } = Option.getOrThrow(tokenizer)
  const [allowed, next] = [new Uint8Array(TOKENS * vocabulary), new Int32Array(TOKENS * vocabulary)]
  for (let state = 0; state < TOKENS; state++) {
    for (let token = 0; token < vocabulary; token++) {
      allowed[state * vocabulary + token] = Number((token === endOfTurn) === (state === TOKENS - 1))
      next[state * vocabulary + token] = Math.min(state + 1, TOKENS - 1)
    }
  }
  return { id: "line", states: TOKENS, vocabulary, allowed, next }
})

const draw = (step: string, grammar: Grammar) =>
  Effect.scoped(Effect.gen(function*() {
    const asked = prompts(step)
    const session = yield* (yield* Policy).session
    const groups = yield* session.sample(asked.map((prompt, i) => ({ prompt, key: `${step}/${i}` })), {
      count: GROUP,
      maxTokens: TOKENS,
      grammar
    })
    return groups.flatMap((group, i) =>
      group.map((completion, g): Rollout => ({ prompt: asked[i]!, completion, advantage: g - (GROUP - 1) / 2 }))
    )
  }))

const score = (rollouts: ReadonlyArray<Rollout>) =>
  Effect.scoped(
    Effect.flatMap(
      Effect.flatMap(Policy, ({ session }) => session),
      (session) => session.logprobs(rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens })))
    )
  )

const learn = (objective: Objective) =>
  Effect.flatMap(Policy, ({ update }) => update(objective, { learningRate: 1e-4, clipNorm: 1 }))

const reinforce = (rollouts: ReadonlyArray<Rollout>) =>
  learn(Objective.GroupRelative({
    rollouts,
    loss: "grpo",
    clip: { low: 0.2, high: 0.2 },
    kl: 0.1,
    innerUpdates: 1,
    maxTokens: TOKENS
  }))

const target = [{ text: "A smiling face and a party with many people: joy", weight: 1 }]

/** Two steps of each kind: what only the first costs, and what all others do. Of drawing and GRPO alone, the first. */
const steps = (ledger: CountingRuntime.Ledger, named: (name: string) => string, kinds: "all" | "reinforce") =>
  Effect.gen(function*() {
    const policy = yield* Policy
    const grammar = yield* line
    const count = <A, E, R>(name: string, work: Effect.Effect<A, E, R>) => ledger.during(named(name), work)
    yield* policy.beginStage
    for (const step of ["first", "next"]) {
      const rollouts = yield* count(`rollouts, ${step}`, draw(step, grammar))
      yield* count(`GRPO update, ${step}`, reinforce(rollouts))
      if (kinds === "reinforce") break
      yield* count(`scoring, ${step}`, score(rollouts))
      const examples = prompts(`supervised/${step}`).flatMap((prompt) => [{ prompt, target }, { prompt, target }])
      yield* count(`SFT update, ${step}`, learn(Objective.Supervised({ examples })))
      const texts = rollouts.map(({ completion: { tokens }, prompt }) => ({ prompt, tokens, grammar }))
      yield* count(
        `format loss, ${step}`,
        learn(Objective.Supervised({ examples: examples.slice(0, 1), format: { texts, weight: 1 } }))
      )
    }
    yield* policy.endStage
  })

/** The policy as it comes, and as other settings have it. */
const others: Readonly<Record<string, Partial<OnnxPolicy.Options>>> = {
  "tower trained": { trainable: "all" },
  "layers computed again": { recompute: true },
  "a token a run": { decode: "step" },
  "adapter on mapped weights": { lora: { rank: 8 }, mapWeights: true },
  "adapter on 4-bit weights": { lora: { rank: 8 }, quantize: "int4" }
}

/** Everything that is guarded, counted anew. */
export const counts = Effect.scoped(Effect.gen(function*() {
  const { layer, ledger } = CountingRuntime.make(WORKERS)
  const cache = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const on = (options: Partial<OnnxPolicy.Options>) =>
    Effect.provide(Layer.fresh(
      OnnxPolicy.layer({ model: "assets/scene-vl-places", seed: 0, ...options, ...(options.lora && { cache }) }).pipe(
        Layer.provide(Layer.merge(layer, NodeServices.layer))
      )
    ))
  yield* steps(ledger, (name) => name, "all").pipe(on({}))
  for (const [setting, options] of Object.entries(others)) {
    yield* steps(ledger, (name) => `${setting}: ${name}`, "reinforce").pipe(on(options))
  }
  return yield* ledger.close
})).pipe(Effect.provide(Layer.merge(NodeServices.layer, Logger.layer([]))))
