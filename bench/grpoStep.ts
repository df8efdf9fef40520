/**
 * `grpo/step`: groups sampled, rewarded, held to a reference and learned from: 8 prompts of 75 tokens, G = 8, up to 52
 * new tokens each, without a format mask, on a model of the embedded checkpoint's shape with random weights (so that
 * hardly a text ends early).
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option } from "effect"
import { availableParallelism } from "node:os"
import { grpo } from "../src/dsl/Advantage.ts"
import { Parameters } from "../src/kernels/models/index.ts"
import { Runtime } from "../src/kernels/runtime/index.ts"
import { OnnxPolicy, Policy } from "../src/policy/index.ts"
import { type Bench, BenchError, timed } from "./harness/Contest.ts"
import { learn } from "./harness/Learn.ts"
import { python } from "./harness/Peer.ts"
import * as RandomModel from "./harness/RandomModel.ts"

const PROMPTS = 8
const GROUP = 8
const PROMPT = 75
const NEW = 52
const KL = 0.04

const ours = Effect.gen(function*() {
  const model = yield* RandomModel.make(0)
  const services = yield* Layer.build(
    OnnxPolicy.layer({ model, seed: 1 }).pipe(Layer.provide(Runtime.layer({ workers: availableParallelism() })))
  )
  const policy = yield* Effect.provide(Policy, services)
  const { encode } = Option.getOrThrow(policy.tokenizer)
  yield* policy.beginStage
  const prompts = Array.from({ length: PROMPTS }, (_, i) => {
    let words = PROMPT
    while (words > 1 && encode(RandomModel.words(i, words)).length > PROMPT) words--
    return { images: [], text: RandomModel.words(i, words) }
  })
  let steps = 0
  const step = Effect.gen(function*() {
    const at = steps++
    const groups = yield* Effect.scoped(
      Effect.flatMap(
        policy.session,
        (session) =>
          session.sample(prompts.map((prompt, i) => ({ prompt, key: `step=${at}/prompt=${i}` })), {
            count: GROUP,
            maxTokens: NEW,
            temperature: 1
          })
      )
    )
    const rollouts = groups.flatMap((group, i) => {
      const rewards = group.map(({ text }) => text.length % 7)
      const { advantages } = grpo(rewards)
      return group.map((completion, g) => ({
        prompt: prompts[i] ?? { images: [], text: "" },
        completion,
        advantage: advantages[g] ?? 0
      }))
    })
    yield* policy.update(
      learn(rollouts, NEW, KL),
      { learningRate: 1e-6 }
    )
  })
  return timed(`${availableParallelism()} workers × 1 thread`, step)
}).pipe(Effect.provide(NodeServices.layer))

export const benches: ReadonlyArray<Bench> = [
  {
    name: "grpo/step",
    shape:
      `${PROMPTS} prompts of ${PROMPT} tokens, ${GROUP} candidates of up to ${NEW} tokens, KL ${KL}, 1.0M parameters`,
    unit: "ms",
    amount: 1,
    ours,
    peer: Effect.gen(function*() {
      const sizes = [PROMPTS, GROUP, PROMPT, NEW, KL].map(String)
      const peer = yield* python("grpo_step.py", [RandomModel.embedded, ...sizes])
      const own = Parameters.specs(yield* RandomModel.config)
        .filter(({ part }) => part === "decoder")
        .reduce((n, { shape }) => n + shape.reduce((m, d) => m * d, 1), 0)
      if (Option.isSome(peer) && peer.value.parameters !== own) {
        return yield* Effect.fail(
          new BenchError(`grpo/step: the peer has ${peer.value.parameters} parameters, ours ${own}`)
        )
      }
      return peer
    })
  }
]
