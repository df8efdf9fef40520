/** One optimiser step at an engine, down the slopes of a loss that is computed here. */
import { Effect } from "effect"
import { AdamW } from "../../kernels/train/index.ts"
import * as NotFinite from "../NotFinite.ts"
import type { UpdateOptions } from "../Policy.ts"
import * as Batch from "./Batch.ts"
import type { Engine } from "./Engine.ts"
import * as Normaliser from "./Normaliser.ts"
import { gradNormOf } from "./Probe.ts"
import type { Datum } from "./Wire.ts"

/** The advantages of a request's sequences, each times its factor. */
const scaled = (request: ReadonlyArray<Datum>, factors: ReadonlyArray<number>): ReadonlyArray<Datum> =>
  request.map(({ chunks, inputs }, i) => {
    const { advantages } = inputs
    if (advantages?.dtype !== "float32") return { chunks, inputs }
    const factor = factors[i] ?? 1
    return {
      chunks,
      inputs: { ...inputs, advantages: { dtype: "float32", data: advantages.data.map((a) => a * factor) } }
    }
  })

export interface Options<E> {
  readonly engine: Engine
  readonly normaliser: Normaliser.Normaliser
  readonly optimizer: AdamW.Options
  /** Log-probabilities at the weights as they are. */
  readonly scored: (sequences: ReadonlyArray<Batch.Sequence>) => Effect.Effect<ReadonlyArray<Float32Array>, E>
}

/** How a step is made. */
export const make = <E>({ engine, normaliser, optimizer, scored }: Options<E>) =>
  Effect.fnUntraced(function*(
    loss: Batch.Loss,
    reference: ReadonlyArray<Float32Array> | undefined,
    { clipNorm = AdamW.defaults.clipNorm, learningRate, weightDecay = AdamW.defaults.weightDecay }: UpdateOptions
  ) {
    const now = yield* scored(loss.sequences)
    const terms = loss.terms(now, reference)
    if (!Number.isFinite(terms.loss)) return yield* new NotFinite.NotFinite({ what: `the loss is ${terms.loss}` })
    const data = loss.sequences.map((sequence, i) =>
      Batch.datum(sequence, {
        logprobs: now[i] ?? [],
        advantages: Float64Array.from(terms.slopes[i] ?? [], (slope) => -slope)
      })
    )
    const metrics = yield* engine.step(data, "importance_sampling", {
      learningRate,
      beta1: optimizer.beta1 ?? AdamW.defaults.beta1,
      beta2: optimizer.beta2 ?? AdamW.defaults.beta2,
      epsilon: optimizer.epsilon ?? AdamW.defaults.epsilon,
      weightDecay,
      clipNorm: clipNorm === Infinity ? 0 : clipNorm
    }, (requests) => {
      const factors = Normaliser.factors(normaliser, requests)
      return requests.map((request, r) => scaled(request, factors[r] ?? []))
    })
    return { ...terms, gradNorm: gradNormOf(metrics) ?? 0 }
  })
