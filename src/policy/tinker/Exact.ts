/**
 * Losses of the protocol that are the same as ours: an update through them needs no forward pass of its own. Which of
 * them an engine computes so is measured: one may divide a cross-entropy by its weights, or overlook the bounds of ppo.
 */
import { Effect } from "effect"
import * as Surrogate from "../Surrogate.ts"
import * as Batch from "./Batch.ts"
import type { Engine } from "./Engine.ts"
import type { Adam } from "./ModelCalls.ts"
import * as Normaliser from "./Normaliser.ts"
import type { LossFn } from "./Wire.ts"

/** What stands for importance sampling in exact losses. */
export type Exact = Extract<LossFn, "cross_entropy" | "ppo">

/** Bounds unlike each other and unlike an engine's defaults: one that overlooks them shows. */
const clip = { low: 0.3, high: 0.6 } as const

/** Ratio and advantage of a token, on every side of both bounds. */
const cases = [[1.5, 1], [2, 0.5], [0.75, -0.7], [0.5, -1], [0.5, 0.4], [1.7, -0.3]] as const
/** They add up to 1 with no number of repetitions. */
const weights = [2, 0.5, 0, 1.3, 0.7, 0.1] as const

const at = <A>(values: ReadonlyArray<A>, k: number): A | undefined => values[k % values.length]

/** Two sequences of which the protocol's own loss and importance sampling have to make the same gradient. */
const pair = (
  lossFn: Exact,
  now: ReadonlyArray<Float32Array>
): { readonly own: Omit<Batch.Own, "lossFn">; readonly slopes: ReadonlyArray<ReadonlyArray<number>> } => {
  if (lossFn === "cross_entropy") {
    const values = now.map((own) => Array.from(own, (_, k) => at(weights, k) ?? 0))
    return {
      own: { factor: "weights", values: values.map((weights) => ({ weights })) },
      slopes: values.map((own) => own.map((weight) => -weight))
    }
  }
  const form = Surrogate.formOf({ loss: "grpo", kl: 0 })
  const sequences = now.map((logprobs) => {
    const of = Array.from(logprobs, (_, k) => at(cases, k) ?? [1, 0] as const)
    const old = of.map(([ratio], k) => (logprobs[k] ?? NaN) - Math.log(ratio))
    return { logprobs, old, reference: old, weight: 1, advantages: of.map(([, advantage]) => advantage) }
  })
  return {
    own: {
      config: { clip_low_threshold: 1 - clip.low, clip_high_threshold: 1 + clip.high },
      factor: "advantages",
      values: sequences.map(({ advantages, old }) => ({ logprobs: old, advantages }))
    },
    slopes: sequences.map((own) => [...Surrogate.groupRelative(form, own, { clip, kl: 0 }).slopes])
  }
}

/**
 * Which of them an engine computes as we do, at the gradient norm of two sequences of different lengths in one request
 * and one of them in another: whatever it divides by shows.
 */
export const measured = Effect.fnUntraced(function*(
  engine: Engine,
  sequences: readonly [Batch.Sequence, Batch.Sequence],
  now: ReadonlyArray<Float32Array>,
  adam: Adam,
  normOf: (metrics: Readonly<Record<string, number>>) => number | undefined
) {
  const norm = (loss: Batch.Own) => {
    const [first, second] = sequences.map((sequence, i) => Batch.datum(sequence, loss.values[i] ?? {}))
    if (first === undefined || second === undefined) return Effect.succeed(undefined)
    return engine.step({
      data: [first, second, second],
      loss,
      adam,
      scaled: () => [[first, second], [second]]
    }, () => Effect.void).pipe(Effect.map(({ metrics }) => normOf(metrics)))
  }
  const same = Effect.fnUntraced(function*(lossFn: Exact) {
    const { own, slopes } = pair(lossFn, now)
    const general = yield* norm({
      lossFn: "importance_sampling",
      factor: "advantages",
      values: slopes.map((own, i) => ({ logprobs: now[i] ?? [], advantages: own.map((slope) => -slope) }))
    })
    const exact = yield* norm({ ...own, lossFn }).pipe(
      // An engine need not have it.
      Effect.catchIf(({ kind }) => kind === "failed" || kind === "status", () => Effect.succeed(undefined))
    )
    return general !== undefined && exact !== undefined && Normaliser.near(exact / general, 1)
  })
  return yield* Effect.filter(["cross_entropy", "ppo"] as const, same)
})
