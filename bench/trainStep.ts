/** `train/step`: forward, backward and AdamW of 8 sequences of 128 tokens, loss on every next token. */
import { Effect, Layer, Option } from "effect"
import { availableParallelism } from "node:os"
import { Keyed } from "../src/kernels/math/index.ts"
import { Rope } from "../src/kernels/models/index.ts"
import { HostTensor, Runtime } from "../src/kernels/runtime/index.ts"
import { AdamW, LossGraphs, ParameterStore } from "../src/kernels/train/index.ts"
import { type Bench, BenchError, fastest, timed } from "./harness/Contest.ts"
import { python } from "./harness/Peer.ts"
import { randomStore, type Size, sizes } from "./harness/Shapes.ts"

const BATCH = 8
const LENGTH = 128

const int32 = (values: ArrayLike<number>): HostTensor.HostTensor => {
  const data = HostTensor.shared.int32(values.length)
  data.set(values)
  return { dtype: "int32", dims: [values.length], data }
}
const float32 = (values: ArrayLike<number>, dims: ReadonlyArray<number> = [values.length]): HostTensor.HostTensor => {
  const data = HostTensor.shared.float32(values.length)
  data.set(values)
  return { dtype: "float32", dims, data }
}

/** The step as the policy makes it: the batch dealt to `workers`, gradients summed, one update. */
const step = (size: Size, workers: number, threads: number) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(Runtime.layer({ workers, threadsPerWorker: threads }))
    return yield* Effect.provideContext(
      Effect.gen(function*() {
        const runtime = yield* Runtime.Runtime
        const config = sizes[size]
        const store = yield* randomStore(config)
        const optimizer = yield* AdamW.make(store)
        const batch = BATCH / workers
        const rows = batch * (LENGTH - 1)
        const names = [...store.slices.keys()]
        const program = LossGraphs.supervised(config, {
          batch,
          length: LENGTH,
          rows,
          visual: { kind: "none" },
          temperature: 1,
          grammarStates: undefined
        }, names)
        const random = Keyed.stream(0, `bench/${size}`)
        const angles = Rope.positionAngles(config, LENGTH)
        const repeated = (table: Float32Array) =>
          float32(Array.from({ length: batch }, () => [...table]).flat(), [batch * LENGTH, config.headWidth / 2])
        const sessions = yield* Effect.forEach(
          Array.from({ length: workers }, (_, i) => i),
          Effect.fnUntraced(function*(worker) {
            const gradients = ParameterStore.trainableBuffer(store)
            const outputs = Object.fromEntries(
              Object.entries(ParameterStore.tensors(store, gradients))
                .map(([name, tensor]) => [LossGraphs.gradientName(name), tensor])
            )
            const session = yield* runtime.open(worker, program.bytes, {
              bound: ParameterStore.tensors(store),
              outputs
            })
            const tokens = Array.from({ length: batch * LENGTH }, () => random.int(config.vocabulary))
            const lossRows = tokens.map((_, i) => i).filter((i) => i % LENGTH < LENGTH - 1)
            const offered: Readonly<Record<string, HostTensor.HostTensor>> = {
              tokens: int32(tokens),
              visualIndex: int32(tokens.map(() => 0)),
              cosines: repeated(angles.cosines),
              sines: repeated(angles.sines),
              segments: int32(tokens.map(() => 0)),
              lossRows: int32(lossRows),
              targets: int32(lossRows.map((i) => tokens[i + 1] ?? 0)),
              weights: float32(lossRows.map(() => 1 / (BATCH * (LENGTH - 1))))
            }
            const wanted = new Set(program.inputs.map(({ name }) => name))
            return {
              session,
              gradients,
              feeds: Object.fromEntries(Object.entries(offered).filter(([name]) => wanted.has(name)))
            }
          })
        )
        const call = Effect.gen(function*() {
          yield* Effect.forEach(sessions, ({ feeds, session }) => session.run(feeds, ["loss"]), {
            concurrency: "unbounded"
          })
          yield* optimizer.step(sessions.map(({ gradients }) => gradients), { learningRate: 1e-4 })
        })
        return timed(`${workers} worker${workers > 1 ? "s" : ""} × ${threads} thread${threads > 1 ? "s" : ""}`, call)
      }),
      context
    )
  })

const trainStep = (size: Size): Bench => ({
  name: "train/step",
  shape: `forward + backward + AdamW, ${BATCH}×${LENGTH} tokens, ${size} parameters, float32`,
  unit: "ms",
  amount: 1,
  ours: Effect.suspend(() => {
    const cores = availableParallelism()
    const split = [...new Set([cores, 1])].filter((workers) => BATCH % workers === 0)
    return fastest(split.map((workers) => step(size, workers, Math.max(1, Math.floor(cores / workers)))))
  }),
  peer: Effect.gen(function*() {
    const peer = yield* python("train_step.py", [size])
    const { trainableCount } = yield* randomStore(sizes[size])
    if (Option.isSome(peer) && peer.value.parameters !== trainableCount) {
      return yield* Effect.fail(
        new BenchError(`the peer trains ${peer.value.parameters} parameters, we train ${trainableCount}`)
      )
    }
    return peer
  })
})

export const benches: ReadonlyArray<Bench> = [trainStep("2M"), trainStep("27M")]
