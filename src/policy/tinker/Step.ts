/**
 * One optimiser step at an engine: by a loss of its own where that is ours, else down the slopes of the loss that is
 * computed here, for which the engine has to tell log-probabilities first.
 */
import { Effect } from "effect"
import { AdamW } from "../../kernels/train/index.ts"
import * as NotFinite from "../NotFinite.ts"
import type { UpdateOptions } from "../Policy.ts"
import * as Batch from "./Batch.ts"
import type { Engine } from "./Engine.ts"
import type { Exact } from "./Exact.ts"
import type { Adam } from "./ModelCalls.ts"
import * as Normaliser from "./Normaliser.ts"
import { gradNormOf } from "./Probe.ts"
import type { Datum } from "./Wire.ts"

/** The values of a request's sequences that its size is made of, each times its factor. */
const scaled = (
  request: ReadonlyArray<Datum>,
  name: Batch.Own["factor"],
  factors: ReadonlyArray<number>
): ReadonlyArray<Datum> =>
  request.map(({ chunks, inputs }, i) => {
    const { [name]: values } = inputs
    if (values?.dtype !== "float32") return { chunks, inputs }
    const factor = factors[i] ?? 1
    return {
      chunks,
      inputs: { ...inputs, [name]: { dtype: "float32", data: values.data.map((value) => value * factor) } }
    }
  })

export interface Options<E, E2> {
  readonly engine: Engine
  readonly normaliser: Normaliser.Normaliser
  /** Losses of the engine's own that are ours. */
  readonly exact: ReadonlyArray<Exact>
  readonly optimizer: AdamW.Options
  /** Log-probabilities at the weights as they are: a forward pass. */
  readonly scored: (sequences: ReadonlyArray<Batch.Sequence>) => Effect.Effect<ReadonlyArray<Float32Array>, E>
  /** Those that a pass has told. */
  readonly checked: (
    sequences: ReadonlyArray<Batch.Sequence>,
    logprobs: ReadonlyArray<Float32Array>
  ) => Effect.Effect<ReadonlyArray<Float32Array>, E2>
}

/** How a step is made. */
export const make = <E, E2>({ checked, engine, exact, normaliser, optimizer, scored }: Options<E, E2>) => {
  const adamOf = (
    { clipNorm = AdamW.defaults.clipNorm, learningRate, weightDecay = AdamW.defaults.weightDecay }: UpdateOptions
  ): Adam => ({
    learningRate,
    beta1: optimizer.beta1 ?? AdamW.defaults.beta1,
    beta2: optimizer.beta2 ?? AdamW.defaults.beta2,
    epsilon: optimizer.epsilon ?? AdamW.defaults.epsilon,
    weightDecay,
    clipNorm: clipNorm === Infinity ? 0 : clipNorm
  })

  /** Sends a loss, with the engine's division undone. */
  const sent = <A, E3>(
    { sequences }: Batch.Loss,
    { factor, values, ...loss }: Batch.Own,
    update: UpdateOptions,
    judge: (logprobs: ReadonlyArray<Float32Array>) => Effect.Effect<A, E3>
  ) =>
    engine.step({
      data: sequences.map((sequence, i) => Batch.datum(sequence, values[i] ?? {})),
      loss,
      adam: adamOf(update),
      scaled: (requests) => {
        const factors = Normaliser.factors(normaliser, requests)
        return requests.map((request, r) => scaled(request, factor, factors[r] ?? []))
      }
    }, judge)

  return Effect.fnUntraced(
    function*(loss: Batch.Loss, reference: ReadonlyArray<Float32Array> | undefined, update: UpdateOptions) {
      const termsAt = Effect.fnUntraced(function*(now: ReadonlyArray<Float32Array>) {
        const terms = loss.terms(now, reference)
        if (!Number.isFinite(terms.loss)) return yield* new NotFinite.NotFinite({ what: `the loss is ${terms.loss}` })
        return terms
      })
      const { own } = loss
      if (own !== undefined && exact.some((lossFn) => lossFn === own.lossFn)) {
        const { judged, metrics } = yield* sent(
          loss,
          own,
          update,
          (logprobs) => Effect.flatMap(checked(loss.sequences, logprobs), termsAt)
        )
        return { ...judged, gradNorm: gradNormOf(metrics) }
      }
      const now = yield* scored(loss.sequences)
      const terms = yield* termsAt(now)
      const { metrics } = yield* sent(
        loss,
        {
          lossFn: "importance_sampling",
          factor: "advantages",
          values: terms.slopes.map((slopes, i) => ({
            logprobs: now[i] ?? [],
            advantages: slopes.map((slope) => -slope)
          }))
        },
        update,
        () => Effect.void
      )
      return { ...terms, gradNorm: gradNormOf(metrics) }
    }
  )
}
