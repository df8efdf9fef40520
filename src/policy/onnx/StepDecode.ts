/**
 * A rollout one token a run: the prompts' keys and values, the rows' own, the hidden states and, on a GPU, the weights
 * stay on the device from the first run to the last. Sampled tokens and their log-probabilities come back after each.
 */
import { Effect } from "effect"
import { prefill, type RolloutShape, step } from "../../kernels/generate/index.ts"
import type { HostTensor } from "../../kernels/runtime/index.ts"
import { LossGraphs } from "../../kernels/train/index.ts"
import type { PolicyContext } from "./Context.ts"
import * as MappedWeights from "./MappedWeights.ts"

export interface Batch {
  /** Says everything that distinguishes its graphs. */
  readonly key: string
  readonly shape: RolloutShape
  readonly worker: number
  /** What the graphs are bound to besides the weights. */
  readonly bound: Readonly<Record<string, HostTensor.HostTensor>>
  /** What the prefill is fed. */
  readonly feeds: Readonly<Record<string, HostTensor.HostTensor>>
  /** `[newTokens, rows]` */
  readonly uniforms: Float32Array
  /** `[rows]`: where the new tokens of each row begin. */
  readonly startPosition: BigInt64Array
  /** `[rows]`: 1 for rows that nobody asked for. */
  readonly finished: Int32Array
  /** Told of every token of a row that has not ended, as it is drawn. */
  readonly drawn: (row: number, turn: number, token: number, logprob: number) => void
}

/** `sampled` and `sampledLogprobs`, `[turns, rows]`, as the loop gives them. */
export const run = (context: PolicyContext, batch: Batch) =>
  Effect.scoped(Effect.gen(function*() {
    const { drawn, finished, key, shape, startPosition, uniforms, worker } = batch
    const { model: { config, ends, mapped }, runtime, sessions } = context
    const prepacked = MappedWeights.prepacked(mapped)
    const rows = shape.prompts * shape.group
    const p = context.parameters()
    const decode = step(config, p, shape)
    const program = () => LossGraphs.write(decode.outputs, mapped?.frozen)
    // Bound to host memory, weights would travel to a GPU with every token; carried as state they travel once a
    // rollout.
    const carried = runtime.device === "cpu"
      ? []
      : program().inputs.map(({ name }) => name).filter((name) => name in context.weights)
    const start = prefill(config, p, shape, carried)

    const state = yield* runtime.state(worker)
    const first = sessions.of({
      key: `prefill ${key}`,
      worker,
      program: () => LossGraphs.write(start.outputs, mapped?.frozen),
      ...MappedWeights.session(mapped),
      bound: { ...context.weights, ...batch.bound },
      resident: start.resident
    })
    yield* first.run(batch.feeds, state)

    const sampled = new Int32Array(shape.newTokens * rows)
    const sampledLogprobs = new Float32Array(shape.newTokens * rows)
    const ended = finished.slice()
    const next = sessions.of({
      key: `step ${key}`,
      worker,
      program,
      ...MappedWeights.session(mapped, prepacked !== undefined),
      ...(prepacked && { prepacked }),
      bound: carried.length > 0 ? batch.bound : { ...context.weights, ...batch.bound },
      resident: decode.resident
    })
    let turn = 0
    for (; turn < shape.newTokens && ended.some((done) => done === 0); turn++) {
      const out = yield* next.run({
        ...batch.feeds,
        turn: { dtype: "int32", dims: [], data: Int32Array.of(turn) },
        positions: { dtype: "int64", dims: [rows, 1], data: startPosition.map((at) => at + BigInt(turn)) },
        uniforms: { dtype: "float32", dims: [rows], data: uniforms.slice(turn * rows, (turn + 1) * rows) }
      }, state)
      const tokens = out["sampled"]?.data as Int32Array
      sampled.set(tokens, turn * rows)
      const logprobs = out["sampledLogprobs"]?.data as Float32Array
      sampledLogprobs.set(logprobs, turn * rows)
      tokens.forEach((token, row) => {
        if (ended[row] === 0) drawn(row, turn, token, logprobs[row] ?? NaN)
        if (ends.includes(token)) ended[row] = 1
      })
    }
    return {
      sampled: { dtype: "int32" as const, dims: [turn, rows], data: sampled.subarray(0, turn * rows) },
      sampledLogprobs: { dtype: "float32" as const, dims: [turn, rows], data: sampledLogprobs.subarray(0, turn * rows) }
    }
  }))
