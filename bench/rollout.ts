/**
 * `rollout/group`: G = 8 candidates of one prompt of 200 tokens, 96 new tokens each, drawn at temperature 1 with
 * log-probabilities.
 */
import { Effect, Layer, Option } from "effect"
import { availableParallelism } from "node:os"
import { rollout } from "../src/kernels/generate/index.ts"
import { OnnxWriter } from "../src/kernels/graph/index.ts"
import { Keyed } from "../src/kernels/math/index.ts"
import { Rope } from "../src/kernels/models/index.ts"
import { type HostTensor, Runtime } from "../src/kernels/runtime/index.ts"
import { LossGraphs, ParameterStore } from "../src/kernels/train/index.ts"
import { type Bench, BenchError, fastest, timed } from "./harness/Contest.ts"
import { python } from "./harness/Peer.ts"
import { randomStore, type Size, sizes } from "./harness/Shapes.ts"

const GROUP = 8
const PROMPT = 200
const NEW = 96

const int32 = (values: ArrayLike<number>): HostTensor.HostTensor => ({
  dtype: "int32",
  dims: [values.length],
  data: Int32Array.from(values)
})
const float32 = (data: Float32Array, ...dims: ReadonlyArray<number>): HostTensor.HostTensor => ({
  dtype: "float32",
  dims,
  data
})

/** Settings of the runtime and how the group is dealt to its workers. */
interface Setting {
  readonly workers: number
  readonly threads: number
}

/**
 * How a session has its weights. The policy reads small ones live and packs large ones (`OnnxPolicy.Options.packFrom`),
 * in sessions that serve all groups of one version of the weights: `fresh` opens them anew for every group, the worst
 * case.
 */
type Weights = "live" | "packed" | "fresh"

/** The group as the policy decodes it: prefill and the whole decode in one run on each worker. */
const group = (size: Size, { threads, workers }: Setting, weights: Weights) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(Runtime.layer({ workers, threadsPerWorker: threads }))
    const runtime = yield* Effect.provideContext(Runtime.Runtime, context)
    const config = sizes[size]
    const store = yield* randomStore(config)
    const own = GROUP / workers
    const positions = PROMPT + NEW + 1
    const initializers = new Map(
      [...store.slices.values()].map((
        { length, name, offset }
      ) => [name, { location: "weights", offset: offset * 4, length: length * 4, dtype: "f32" as const }])
    )
    const program = OnnxWriter.write(
      rollout(config, LossGraphs.parameterInputs(config), {
        prompts: 1,
        group: own,
        length: PROMPT,
        newTokens: NEW,
        visualRows: 0,
        positions,
        // No token ends a sequence: every candidate has its full length.
        endOfTurn: -1,
        sampling: { greedy: false, nucleus: false },
        grammarStates: undefined
      }),
      weights === "live" ? {} : { initializers }
    )
    const externalData = [{ path: "weights", data: new Uint8Array(store.data.buffer) }]
    const half = config.headWidth / 2
    const table = Rope.positionAngles(config, positions)
    const prompt = (data: Float32Array) => float32(data.slice(0, PROMPT * half), PROMPT, half)
    const random = Keyed.stream(0, `bench/${size}`)
    const offered: Readonly<Record<string, HostTensor.HostTensor>> = {
      ...ParameterStore.tensors(store),
      tokens: int32(Array.from({ length: PROMPT }, () => random.int(config.vocabulary))),
      visualIndex: int32(new Int32Array(PROMPT)),
      segments: int32(new Int32Array(PROMPT)),
      cosines: prompt(table.cosines),
      sines: prompt(table.sines),
      lastRow: int32([PROMPT - 1]),
      temperature: float32(Float32Array.of(1)),
      topP: float32(Float32Array.of(1)),
      startPosition: { dtype: "int64", dims: [own, 1], data: new BigInt64Array(own).fill(BigInt(PROMPT)) },
      tableCosines: float32(table.cosines, positions, half),
      tableSines: float32(table.sines, positions, half),
      finished: int32(new Int32Array(own)),
      emptyCache: float32(new Float32Array(0), 1, config.kvHeads, own, 0, config.headWidth)
    }
    const wanted = new Set(program.inputs.map(({ name }) => name))
    const bound = Object.fromEntries(Object.entries(offered).filter(([name]) => wanted.has(name)))
    const all = Array.from({ length: workers }, (_, i) => i)
    const open = (worker: number) =>
      Effect.provideContext(
        runtime.open(worker, program.bytes, { bound, ...(weights !== "live" && { externalData }) }),
        context
      )
    const sessions = weights === "fresh" ? [] : yield* Effect.forEach(all, open)
    let turn = 0
    const call = Effect.gen(function*() {
      const key = `bench/turn=${turn++}`
      yield* Effect.forEach(all, (worker) =>
        Effect.scoped(Effect.gen(function*() {
          const session = sessions[worker] ?? (yield* open(worker))
          const uniforms = Keyed.uniforms(0, `${key}/${worker}`, new Float32Array(NEW * own))
          const out = yield* session.run(
            { uniforms: float32(uniforms, NEW, own) },
            program.outputs.map(({ name }) => name)
          )
          const drawn = out["sampled"]?.data.length
          if (drawn !== NEW * own) {
            return yield* Effect.fail(new BenchError(`drew ${drawn} tokens, expected ${NEW * own}`))
          }
        })), { concurrency: "unbounded" })
    })
    return timed(`${workers} worker${workers > 1 ? "s" : ""} × ${threads} thread${threads > 1 ? "s" : ""}`, call)
  })

const groupRollout = (size: Size, weights: Weights): Bench => ({
  name: weights === "fresh" ? "rollout/fresh" : "rollout/group",
  shape: `G = ${GROUP}, ${PROMPT} + ${NEW} tokens, ${size} parameters, float32, weights ${
    weights === "fresh" ? "packed anew for every group" : weights
  }`,
  unit: "tokens/s",
  amount: GROUP * NEW,
  ours: Effect.suspend(() => {
    const cores = availableParallelism()
    const split: ReadonlyArray<Setting> = cores > 1 && GROUP % cores === 0 ? [{ workers: cores, threads: 1 }] : []
    return fastest(
      [...split, ...[...new Set([1, cores])].map((threads): Setting => ({ workers: 1, threads }))].map((setting) =>
        group(size, setting, weights)
      )
    )
  }),
  peer: Effect.gen(function*() {
    const peer = yield* python("rollout.py", [size, String(NEW)])
    const { trainableCount } = yield* randomStore(sizes[size])
    if (Option.isSome(peer) && peer.value.parameters !== trainableCount) {
      return yield* Effect.fail(
        new BenchError(`the peer has ${peer.value.parameters} parameters, we have ${trainableCount}`)
      )
    }
    return peer
  })
})

export const benches: ReadonlyArray<Bench> = [
  groupRollout("2M", "live"),
  groupRollout("27M", "packed"),
  groupRollout("27M", "fresh")
]
