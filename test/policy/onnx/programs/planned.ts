/** A process that samples groups from a model, trains on them, and prints what it held beside what was planned. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Logger, Option } from "effect"
import { readFileSync } from "node:fs"
import { Config } from "../../../../src/kernels/models/index.ts"
import { Runtime } from "../../../../src/kernels/runtime/index.ts"
import { peakBytes } from "../../../../src/kernels/runtime/peak.ts"
import { MemoryPlan, Objective, OnnxPolicy, Policy } from "../../../../src/policy/index.ts"

export interface Given {
  /** A Hugging Face directory. */
  readonly model: string
  readonly words: number
  readonly workload: Omit<MemoryPlan.Workload, "promptTokens">
}

const given = JSON.parse(process.argv[2] ?? "") as Given
const { workload } = given

const program = Effect.scoped(Effect.gen(function*() {
  const config = yield* Config.fromJson(JSON.parse(readFileSync(`${given.model}/config.json`, "utf8")))
  const prompts = Array.from(
    { length: workload.prompts },
    (_, i) => ({ images: [], text: Array.from({ length: given.words }, () => i % 2 === 0 ? "red" : "joy").join(" ") })
  )
  const train = Effect.gen(function*() {
    const policy = yield* Policy
    yield* policy.beginStage
    // A stage keeps weights to go back to.
    const kept = yield* policy.snapshot
    for (let step = 0; step < 2; step++) {
      const rollouts = yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* policy.session
        const groups = yield* session.sample(prompts.map((prompt, i) => ({ prompt, key: `${step}/${i}` })), {
          count: workload.group,
          maxTokens: workload.newTokens
        })
        return groups.flatMap((group, i) =>
          group.map((completion, g) => ({
            prompt: prompts[i] ?? { images: [], text: "" },
            completion,
            advantage: g % 2 - 0.5
          }))
        )
      }))
      yield* policy.update(
        Objective.GroupRelative({
          rollouts,
          loss: "grpo",
          clip: { low: 0.2, high: 0.2 },
          kl: 0.02,
          innerUpdates: 1,
          maxTokens: workload.newTokens
        }),
        { learningRate: 1e-5 }
      )
    }
    yield* policy.revert(kept)
    // The chat template adds about a dozen tokens.
    return Option.getOrThrow(policy.tokenizer).encode(prompts[0]?.text ?? "").length + 12
  })
  const { group: _, lora, newTokens: __, prompts: ___, visualTokens: ____, workers, ...options } = workload
  const promptTokens = yield* Effect.provide(
    train,
    OnnxPolicy.layer({ model: given.model, seed: 1, ...options, ...(lora && { lora }) }).pipe(
      Layer.provide(Runtime.layer({ workers }))
    )
  )
  const measured = peakBytes()
  const plan = yield* MemoryPlan.estimate(config, { ...workload, promptTokens })
  process.stdout.write(`${JSON.stringify({ measured, plan })}\n`)
}))

await Effect.runPromise(
  program.pipe(Effect.provideService(Logger.LogToStderr, true), Effect.provide(NodeServices.layer))
)
