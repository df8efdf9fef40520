/**
 * AdamW over a `ParameterStore`, with clipping by global norm, shared out over the runtime's workers.
 *
 * The arithmetic is torch.optim.AdamW's with clip_grad_norm_ before it. Norms are summed in float64 over fixed chunks
 * in a fixed order, so the number of workers cannot change a bit of the result.
 */
import { Effect, Schema } from "effect"
import * as Finite from "../math/Finite.ts"
import { type OptimizerJob, Runtime } from "../runtime/index.ts"
import * as ParameterStore from "./ParameterStore.ts"

/** Gradients that no step can be made from; parameters and moments are as they were. */
export class GradientError extends Schema.TaggedError<GradientError>()("GradientError", {
  /** Number the step would have had, from 1. */
  step: Schema.Number,
  /** Global norm: infinite, not a number, or so large that float32 does not hold its square. */
  norm: Schema.Number,
  /** The first value that is no number, and where: "NaN in that of w at [0, 3]". */
  found: Schema.optional(Schema.String)
}) {
  get what() {
    return `the gradient's norm is ${this.norm}${this.found === undefined ? "" : ` (${this.found})`}`
  }
  override get message() {
    return `optimiser step ${this.step}: ${this.what}; lower the learning rate or look for a bad sample`
  }
}

/**
 * A step so large that float32 does not hold what it leads to, or from parameters that are no numbers. Parameters and
 * moments are as they were.
 */
export class RuinedWeights extends Schema.TaggedError<RuinedWeights>()("RuinedWeights", {
  /** Number the step would have had, from 1. */
  step: Schema.Number,
  learningRate: Schema.Number,
  /** The first parameter that would be no number, and where: "w at [0, 3], which is 1". */
  found: Schema.String
}) {
  get what() {
    return `an update at learning rate ${this.learningRate} would leave no number of parameter ${this.found}`
  }
  override get message() {
    return `optimiser step ${this.step}: ${this.what}; lower the learning rate, or restore an earlier snapshot`
  }
}

export interface Options {
  /** Decay rate of the average of gradients. Default 0.9. */
  readonly beta1?: number
  /** Decay rate of the average of squared gradients. Default 0.999. */
  readonly beta2?: number
  /** Added to the root of the bias-corrected second moment. Default 1e-8. */
  readonly epsilon?: number
}

export interface StepOptions {
  readonly learningRate: number
  /** Each step takes away learningRate · weightDecay of a decayed parameter. Default 0.1. */
  readonly weightDecay?: number
  /** Global norm above which gradients are scaled down. Default 1; Infinity never clips. */
  readonly clipNorm?: number
}

export interface StepStats {
  /** Number of this step, from 1. */
  readonly step: number
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number
}

/** What has to be kept to go on as if never stopped. */
export interface State {
  readonly step: number
  /** In the layout of the store's trainable part. */
  readonly firstMoment: Float32Array
  readonly secondMoment: Float32Array
}

export interface AdamW {
  /**
   * One update from gradients in buffers of the store's trainable layout, over shared memory. Several buffers are added
   * up, in order, into the first.
   */
  readonly step: (
    gradients: ReadonlyArray<Float32Array>,
    options: StepOptions
  ) => Effect.Effect<StepStats, GradientError | RuinedWeights | Runtime.RuntimeError>
  /** Steps taken since the start or the last reset. */
  readonly taken: Effect.Effect<number>
  /** Forgets moments and step count. */
  readonly reset: Effect.Effect<void>
  /** A copy, apart from the live state. */
  readonly state: Effect.Effect<State>
  /** The live state itself, to be written down before the next step: of a large model there is no room for a copy. */
  readonly live: Effect.Effect<State>
  readonly restore: (state: State) => Effect.Effect<void, ParameterStore.ParameterError>
}

/** What is left out of the options. */
export const defaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const

/** Elements of one job: small enough to share out evenly, large enough that sending it costs nothing. */
const chunk = 1 << 19

/** Cuts ranges into lists of at most `chunk` elements. */
const split = (ranges: ReadonlyArray<OptimizerJob.Range>): ReadonlyArray<ReadonlyArray<OptimizerJob.Range>> => {
  const lists: Array<Array<OptimizerJob.Range>> = []
  let room = 0
  for (const { begin, decay, end } of ranges) {
    for (let from = begin; from < end;) {
      if (room === 0) {
        lists.push([])
        room = chunk
      }
      const to = Math.min(end, from + room)
      lists.at(-1)?.push({ begin: from, end: to, decay })
      room -= to - from
      from = to
    }
  }
  return lists
}

/** The largest float32 whose square is one: what a second moment can be made of. */
const largestRoot = 2 ** 64 * (1 - 2 ** -24)

/** Parameters below this stay finite under any step that `isShort`. */
const ample = 2 ** 120

/** How much larger a first moment may be, against the root of the second, than gradients make it: for rounding. */
const slack = 2 ** 20

/** Roots of second moments that underflow: first moments up to here are of gradients that small. */
const underflow = 1e-18

/**
 * The largest first moment against the root of the second, by the inequality of Cauchy and Schwarz over the gradients
 * that both are sums of; Infinity where β1² ≥ β2 leaves it without a bound.
 */
const largestRatio = (beta1: number, beta2: number): number =>
  beta1 * beta1 < beta2 ? (1 - beta1) / Math.sqrt((1 - beta2) * (1 - beta1 * beta1 / beta2)) : Infinity

/** Whether a step is so short that no parameter below `ample` can leave float32's range by it. */
const isShort = (
  { learningRate, weightDecay }: Required<Pick<StepOptions, "learningRate" | "weightDecay">>,
  { beta1, beta2, epsilon }: Required<Options>
): boolean =>
  epsilon >= underflow && Math.abs(1 - learningRate * weightDecay) <= 2 &&
  slack * largestRatio(beta1, beta2) * learningRate / (1 - beta1) < ample

/** clip_grad_norm_'s factor. */
const clipFactor = (norm: number, limit: number): number => Math.min(1, limit / (norm + 1e-6))

/** The state before the first step. */
export const fresh = (store: ParameterStore.ParameterStore): State => ({
  step: 0,
  firstMoment: ParameterStore.trainableBuffer(store),
  secondMoment: ParameterStore.trainableBuffer(store)
})

/** A fresh optimiser of the store's trainable part. Only a store without any parameter may have none. */
export const make = Effect.fnUntraced(function*(store: ParameterStore.ParameterStore, options: Options = {}) {
  if (store.trainableCount === 0 && store.slices.size > 0) {
    return yield* new ParameterStore.ParameterError({ parameter: "store", reason: "has nothing to train" })
  }
  const { beta1 = defaults.beta1, beta2 = defaults.beta2, epsilon = defaults.epsilon } = options
  const rates = { beta1, beta2, epsilon }
  const ratio = largestRatio(beta1, beta2)
  const runtime = yield* Runtime.Runtime
  const firstMoment = ParameterStore.trainableBuffer(store)
  const secondMoment = ParameterStore.trainableBuffer(store)
  const updates = split(ParameterStore.trainableRanges(store))
  const sums = split([{ begin: 0, end: store.trainableLength, decay: false }]).flat()
  let steps = 0

  /** Each worker takes every n-th job; results come back in the order of jobs. */
  const share = (jobs: ReadonlyArray<OptimizerJob.Job>) =>
    Effect.forEach(jobs, (job, i) => runtime.optimize(i % runtime.workers, job), { concurrency: "unbounded" })

  const step: AdamW["step"] = Effect.fn("AdamW.step")(function*(gradients, options) {
    const { clipNorm = defaults.clipNorm, learningRate, weightDecay = defaults.weightDecay } = options
    const squares = yield* share(sums.map(({ begin, end }) => ({ _tag: "Accumulate", buffers: gradients, begin, end })))
    const gradNorm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0))
    const total = gradients[0]
    const clipped = gradNorm * clipFactor(gradNorm, clipNorm)
    if (total === undefined || !(clipped <= largestRoot)) {
      const odd = total === undefined ? -1 : Finite.firstBeyond(total)
      const found = odd < 0 ? {} : { found: `${total?.[odd]} in that of ${ParameterStore.placeOf(store, odd)}` }
      return yield* new GradientError({ step: steps + 1, norm: gradNorm, ...found })
    }
    const jobs = updates.map((ranges): OptimizerJob.AdamWJob => ({
      _tag: "AdamW",
      parameters: store.data,
      gradients: total,
      firstMoment,
      secondMoment,
      ranges,
      step: steps + 1,
      learningRate,
      ...rates,
      weightDecay,
      gradientScale: clipFactor(gradNorm, clipNorm)
    }))
    // Before anything is written: what would have to be taken back afterwards, moments and all, could not be.
    const large = yield* share(sums.map(({ begin, end }) => (
      { _tag: "Check", values: store.data, begin, end, limit: ample }
    )))
    if (large.some((at) => at >= 0) || !isShort({ learningRate, weightDecay }, rates)) {
      const at = (yield* share(jobs.map((job) => ({ ...job, dry: true })))).find((at) => at >= 0)
      if (at !== undefined) {
        const found = `${ParameterStore.placeOf(store, at)}, which is ${store.data[at]}`
        return yield* new RuinedWeights({ step: steps + 1, learningRate, found })
      }
    }
    steps++
    // Half an update is worse than none or all of it.
    yield* Effect.uninterruptible(share(jobs))
    return { step: steps, gradNorm }
  })

  const reset = Effect.sync(() => {
    steps = 0
    firstMoment.fill(0)
    secondMoment.fill(0)
  })

  const state = Effect.sync((): State => ({
    step: steps,
    firstMoment: Float32Array.from(firstMoment),
    secondMoment: Float32Array.from(secondMoment)
  }))

  const live = Effect.sync((): State => ({ step: steps, firstMoment, secondMoment }))

  const restore: AdamW["restore"] = Effect.fnUntraced(function*(state) {
    for (const moment of [state.firstMoment, state.secondMoment]) {
      if (moment.length === store.trainableLength) continue
      return yield* new ParameterStore.ParameterError({
        parameter: "optimiser state",
        reason: `has moments of ${moment.length} values, expected ${store.trainableLength}`
      })
    }
    yield* ParameterStore.checkFinite(store, state.firstMoment, "the first moment of ")
    yield* ParameterStore.checkFinite(store, state.secondMoment, "the second moment of ")
    const odd = state.firstMoment.findIndex((first, i) => {
      const second = state.secondMoment[i] ?? 0
      return !(second >= 0 &&
        (ratio === Infinity || Math.abs(first) <= slack * ratio * Math.sqrt(second) + underflow))
    })
    if (odd >= 0) {
      return yield* new ParameterStore.ParameterError({
        parameter: `the moments of ${ParameterStore.placeOf(store, odd)}`,
        reason: `are ${state.firstMoment[odd]} and ${state.secondMoment[odd]}, which no gradients lead to: damaged`
      })
    }
    steps = state.step
    firstMoment.set(state.firstMoment)
    secondMoment.set(state.secondMoment)
  })

  const optimiser: AdamW = { step, taken: Effect.sync(() => steps), reset, state, live, restore }
  return optimiser
})
