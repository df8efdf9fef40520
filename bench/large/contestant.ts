/**
 * Ours in `lora/step` and `lora/group`: `node bench/large/contestant.ts MODEL CACHE step|group WORKERS
 * none|int8|int4`.
 *
 * A group has a picture of its own every time, which goes through the tower; a step learns from a group that was drawn,
 * on its picture. See bench/harness/Process.ts for what it answers.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Logger } from "effect"
import { availableParallelism } from "node:os"
import { Policy } from "../../src/policy/index.ts"
import { onnx } from "../../src/policy/layers.ts"
import { BenchError } from "../harness/Contest.ts"
import * as Inputs from "../harness/Inputs.ts"
import { learn } from "../harness/Learn.ts"
import { speak } from "../harness/Own.ts"
import { GROUP, NEW_TOKENS, promptOf, RANK } from "./request.ts"

const [model = "", cache = "", mode = "", workers = "1", quantize = "none"] = process.argv.slice(2)
const threads = Math.max(1, Math.floor(availableParallelism() / Number(workers)))

const main = Effect.gen(function*() {
  const policy = yield* Policy
  let groups = 0
  const sampled = Effect.suspend(() => {
    const prompt = promptOf(`picture-${groups}`)
    return Effect.scoped(
      Effect.flatMap(
        policy.session,
        (session) => session.sample([{ prompt, key: `group-${groups++}` }], { count: GROUP, maxTokens: NEW_TOKENS })
      )
    ).pipe(
      Effect.map(([group = []]) => ({ prompt, group })),
      Effect.filterOrFail(
        ({ group }) => group.length === GROUP && group.every(({ tokens }) => tokens.length === NEW_TOKENS),
        () => new BenchError("a text ended before its last token")
      )
    )
  })
  const first = yield* sampled
  yield* policy.beginStage
  const step = policy.update(
    learn(
      first.group.map((completion, g) => ({ prompt: first.prompt, completion, advantage: g % 2 - 0.5 })),
      NEW_TOKENS
    ),
    { learningRate: 1e-5 }
  )
  const { parameters, tokens } = yield* Inputs.sizes(model, first.prompt, { rank: RANK })
  const rounded = quantize === "none" ? "" : `, ${quantize}`
  const name = `${workers} worker${workers === "1" ? "" : "s"} × ${threads} thread${threads === 1 ? "" : "s"}${rounded}`
  yield* speak({ name, parameters, tokens }, mode === "step" ? step : sampled)
})

main.pipe(
  Effect.provide(onnx({
    model,
    cache,
    seed: 1,
    lora: { rank: RANK },
    ...(quantize === "int8" || quantize === "int4" ? { quantize } : {}),
    workers: Number(workers),
    threadsPerWorker: threads
  })),
  Effect.provideService(Logger.LogToStderr, true),
  NodeRuntime.runMain
)
