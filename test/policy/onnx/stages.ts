/** Small training stages, a step at a time: what a policy is stopped in and goes on with. */
import { Effect, Layer, Option } from "effect"
import type { Grammar } from "../../../src/kernels/generate/index.ts"
import { type FormatText, Objective, OnnxPolicy, Policy, type Prompt, type Rollout } from "../../../src/policy/index.ts"
import { picture } from "./pictures.ts"

export const kinds = ["sft", "rft", "reinforce"] as const
export type Kind = typeof kinds[number]

/** What training changes: an RFT the vision tower too, whose reference then sees with a tower of its own. */
export const trained = {
  "weights of its own": (kind: Kind) => kind === "rft" ? { trainable: "all" } : {},
  "an adapter that drops": (kind: Kind) => ({
    lora: { rank: 4, dropout: 0.3, ...(kind === "rft" && { targets: "all-linear" }) }
  })
} satisfies Record<string, (kind: Kind) => Partial<OnnxPolicy.Options>>
export type Trained = keyof typeof trained

/** Updates of a stage. */
export const STEPS = 4

/** A policy that knows nothing of another. */
export const fresh = (of: Trained, kind: Kind, options: Partial<OnnxPolicy.Options> = {}) =>
  Layer.fresh(OnnxPolicy.layer({ model: "assets/scene-vl", seed: 5, ...trained[of](kind), ...options }))

const prompts: ReadonlyArray<Prompt> = [250, 40].map((red) => ({
  images: [picture(`red ${red}`, red)],
  text: "What is in the picture?"
}))
const update = { learningRate: 2e-3 }
const clip = { low: 0.2, high: 0.2 }

/** Three tokens in four, by turns; the end of turn always. */
const grammar = Effect.map(Policy, ({ tokenizer }): Grammar => {
  const { endOfTurn, vocabularySize: vocabulary } = Option.getOrThrow(tokenizer)
  const [allowed, next] = [new Uint8Array(2 * vocabulary), new Int32Array(2 * vocabulary)]
  for (let token = 0; token < vocabulary; token++) {
    for (const state of [0, 1]) {
      allowed[state * vocabulary + token] = Number(token % 4 !== state || token === endOfTurn)
      next[state * vocabulary + token] = 1 - state
    }
  }
  return { id: "turns", states: 2, vocabulary, allowed, next }
})

/** Groups as the policy draws them now, the better the further back they stand. */
const draw = (asked: ReadonlyArray<Prompt>, key: string, count: number) =>
  Effect.scoped(Effect.gen(function*() {
    const session = yield* (yield* Policy).session
    const groups = yield* session.sample(asked.map((prompt, i) => ({ prompt, key: `${key}/${i}` })), {
      count,
      maxTokens: 8
    })
    return groups.flatMap((group, i) =>
      group.map((completion, g): Rollout => ({ prompt: asked[i]!, completion, advantage: g - (count - 1) / 2 }))
    )
  }))

/** A draw of all prompts of a stage: what is known of their pictures is known after it. */
export const look = draw(prompts, "look", 1)

const texts = (rollouts: ReadonlyArray<Rollout>) =>
  Effect.map(
    grammar,
    (grammar) => rollouts.map(({ completion: { tokens }, prompt }): FormatText => ({ prompt, tokens, grammar }))
  )

const objectives = {
  sft: Effect.fnUntraced(function*(step: number) {
    const target = [{ text: ["a red face", "joy", "people sing", "a party"][step % 4]!, weight: 1 }]
    const own = yield* draw(prompts, `sft/step=${step}`, 1)
    return Objective.Supervised({
      examples: prompts.map((prompt) => ({ prompt, target })),
      format: { texts: yield* texts(own), weight: 2 }
    })
  }),
  rft: Effect.fnUntraced(function*(step: number) {
    const rollouts = yield* draw(prompts, `rft/step=${step}`, 3)
    return Objective.GroupRelative({ rollouts, loss: "grpo", clip, kl: 0.1, innerUpdates: 2, maxTokens: 8 })
  }),
  reinforce: Effect.fnUntraced(function*(step: number) {
    const reasoned = yield* draw(prompts, `reinforce/step=${step}/reason`, 2)
    const asked = reasoned.map(({ completion, prompt }) => ({
      ...prompt,
      text: `Rebuild it, given: ${completion.text}`
    }))
    const rebuilt = yield* draw(asked, `reinforce/step=${step}/reconstruct`, 1)
    const rollouts = [...reasoned, ...rebuilt.map((rollout, i) => ({ ...rollout, advantage: reasoned[i]!.advantage }))]
    return Objective.GroupRelative({
      rollouts,
      loss: "dr_grpo",
      clip,
      kl: 0.1,
      innerUpdates: 1,
      maxTokens: 8,
      format: { texts: yield* texts(reasoned), weight: 1 }
    })
  })
} satisfies Record<Kind, (step: number) => Effect.Effect<Objective, unknown, Policy>>

/** Where a stage starts: an RFT behind a stage that was another, so that an adapter is no longer its base. */
export const begin = Effect.fnUntraced(function*(kind: Kind) {
  const policy = yield* Policy
  if (kind === "rft") {
    yield* policy.beginStage
    yield* policy.update(
      Objective.Supervised({ examples: [{ prompt: prompts[1]!, target: [{ text: "sad", weight: 1 }] }] }),
      update
    )
    yield* policy.endStage
  }
  yield* policy.beginStage
})

/** Steps of a stage from the one numbered `from` on. */
export const go = Effect.fnUntraced(function*<E = never, R = never>(
  kind: Kind,
  from: number,
  to: number = STEPS,
  after: (step: number) => Effect.Effect<void, E, R> = () => Effect.void
) {
  const policy = yield* Policy
  for (let step = from; step < to; step++) {
    yield* policy.update(yield* objectives[kind](step), update)
    yield* after(step + 1)
  }
})
