/**
 * `generate`: 64 greedy tokens on one picture, which goes through the tower each time, by a model of the embedded
 * checkpoint's shape with random weights.
 */
import { Context, Effect, Layer } from "effect"
import { availableParallelism } from "node:os"
import { onnx, Policy } from "../src/policy/layers.ts"
import { type Bench, BenchError, fastest, timed } from "./harness/Contest.ts"
import * as Inputs from "./harness/Inputs.ts"
import { agree } from "./harness/Own.ts"
import { python } from "./harness/Peer.ts"
import { picture } from "./harness/Picture.ts"
import * as RandomModel from "./harness/RandomModel.ts"
import { withWorkload } from "./harness/Workload.ts"

const NEW = 64
const SIDE = 112
/** Weights that do not end the text early. */
const SEED = 0

const promptOf = (name: string) => ({
  images: [picture(name, SIDE)],
  text: RandomModel.words(0, 40)
})

/** The text of a picture, as often as it is asked for: each time a picture of its own. */
const writer = (model: string, threads: number) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(onnx({ model, trainable: "none", workers: 1, threadsPerWorker: threads }))
    const session = yield* Context.get(context, Policy).session
    let pictures = 0
    return Effect.suspend(() =>
      session.sample(
        [{ prompt: promptOf(`picture-${pictures++}`), key: "generate" }],
        { count: 1, maxTokens: NEW, temperature: 0 }
      )
    ).pipe(
      Effect.map((groups) => groups[0]?.[0]?.tokens ?? new Int32Array(0)),
      Effect.filterOrFail(({ length }) => length === NEW, ({ length }) => new BenchError(`${length} tokens of ${NEW}`))
    )
  })

export const benches: ReadonlyArray<Bench> = [{
  name: "generate",
  shape: `one ${SIDE} × ${SIDE} picture, ${NEW} greedy tokens, the embedded checkpoint's shape, float32`,
  unit: "tokens/s",
  amount: NEW,
  ours: Effect.gen(function*() {
    const model = yield* RandomModel.make(SEED)
    return yield* fastest(
      [...new Set([1, availableParallelism()])].map((threads) =>
        Effect.map(
          writer(model, threads),
          (text) => timed(`1 worker × ${threads} thread${threads > 1 ? "s" : ""}`, text)
        )
      )
    )
  }),
  peer: Effect.gen(function*() {
    const model = yield* RandomModel.make(SEED)
    const [inputs] = yield* Inputs.of(model, [promptOf("picture")])
    const text = yield* yield* writer(model, 1)
    const found = yield* withWorkload(
      { model, inputs, tokens: [...text] },
      (path) => python("generate.py", [path])
    )
    return yield* agree("generate", yield* Inputs.sizes(model, promptOf("picture")), found)
  })
}]
