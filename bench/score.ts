/** `score`: log-probabilities of 8 given answers to each of 8 prompts. */
import { Context, Effect, Layer } from "effect"
import { availableParallelism } from "node:os"
import { Keyed } from "../src/kernels/math/index.ts"
import { onnx, Policy } from "../src/policy/layers.ts"
import { type Bench, fastest, timed } from "./harness/Contest.ts"
import * as Inputs from "./harness/Inputs.ts"
import { agree } from "./harness/Own.ts"
import { python } from "./harness/Peer.ts"
import * as RandomModel from "./harness/RandomModel.ts"
import { withWorkload } from "./harness/Workload.ts"

const PROMPTS = 8
const ANSWERS = 8
const WORDS = 56
const LENGTH = 52

/** All of one length: the same words, in another order. */
const prompts = Array.from(
  { length: PROMPTS },
  (_, i) => ({ images: [], text: `Why: ${RandomModel.words(i, WORDS)}` })
)
/** Words: ids behind those of control tokens. */
const answers = prompts.map((_, i) =>
  Array.from({ length: ANSWERS }, (_, g) => {
    const draw = Keyed.stream(0, `answer/${i}/${g}`)
    return Int32Array.from({ length: LENGTH }, () => 50 + draw.int(700))
  })
)
const items = prompts.flatMap((prompt, i) => (answers[i] ?? []).map((tokens) => ({ prompt, tokens })))

const scorer = (model: string, workers: number, threads: number) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(onnx({ model, trainable: "none", workers, threadsPerWorker: threads }))
    const session = yield* Context.get(context, Policy).session
    return session.logprobs(items)
  })

export const benches: ReadonlyArray<Bench> = [{
  name: "score",
  shape: `log-probabilities of ${PROMPTS} × ${ANSWERS} answers of ${LENGTH} tokens, the embedded checkpoint's shape, ` +
    "float32",
  unit: "tokens/s",
  amount: PROMPTS * ANSWERS * LENGTH,
  ours: Effect.gen(function*() {
    const model = yield* RandomModel.make(0)
    const cores = availableParallelism()
    const settings = [[cores, 1], [1, cores], [1, 1]] as const
    return yield* fastest(
      settings.map(([workers, threads]) =>
        Effect.map(
          scorer(model, workers, threads),
          (score) =>
            timed(`${workers} worker${workers > 1 ? "s" : ""} × ${threads} thread${threads > 1 ? "s" : ""}`, score)
        )
      )
    )
  }),
  peer: Effect.gen(function*() {
    const model = yield* RandomModel.make(0)
    const inputs = yield* Inputs.of(model, prompts)
    const scores = yield* yield* scorer(model, 1, 1)
    const workload = {
      model,
      inputs,
      answers: answers.map((group) => group.map((tokens) => [...tokens])),
      scores: scores.map((tokens) => [...tokens])
    }
    const found = yield* withWorkload(workload, (path) => python("score.py", [path]))
    return yield* agree("score", yield* Inputs.sizes(model, prompts[0] ?? { images: [], text: "" }), found)
  })
}]
