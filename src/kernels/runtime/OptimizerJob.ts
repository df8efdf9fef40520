/**
 * Elementwise loops over shared buffers, run by the workers beside their sessions.
 *
 * A job covers ranges of flat float32 buffers. Arithmetic is float64, storage float32, the order fixed: how the ranges
 * are dealt to workers cannot change a bit of the result.
 */
import * as Finite from "../math/Finite.ts"
import { isShared } from "./HostTensor.ts"

/** Flat interval [begin, end) of elements; `decay` says whether weight decay applies to it. */
export interface Range {
  readonly begin: number
  readonly end: number
  readonly decay: boolean
}

/**
 * One step of Adam with decoupled weight decay (Loshchilov & Hutter, "Decoupled weight decay regularization", alg. 2),
 * as torch.optim.AdamW computes it.
 */
export interface AdamWJob {
  readonly _tag: "AdamW"
  readonly parameters: Float32Array
  readonly gradients: Float32Array
  /** Exponential averages of the gradient and of its square; updated in place. */
  readonly firstMoment: Float32Array
  readonly secondMoment: Float32Array
  readonly ranges: ReadonlyArray<Range>
  /** Number of this step, counted from 1, for the bias correction. */
  readonly step: number
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** Factor on every gradient: clipping and averaging. */
  readonly gradientScale: number
  /** Computes what the parameters would become, and writes nothing. Default false. */
  readonly dry?: boolean
}

/** Looks for the first of the values in [begin, end) whose magnitude is not below the limit. */
export interface CheckJob {
  readonly _tag: "Check"
  readonly values: Float32Array
  readonly begin: number
  readonly end: number
  readonly limit: number
}

/** Adds buffers 1… into buffer 0, in order, over [begin, end); its result is the sum of squares of the sums. */
export interface AccumulateJob {
  readonly _tag: "Accumulate"
  readonly buffers: ReadonlyArray<Float32Array>
  readonly begin: number
  readonly end: number
}

export type Job = AdamWJob | AccumulateJob | CheckJob

/**
 * Sum of squares of an `Accumulate`; of a `Check` the index of what it found, or −1; of a dry `AdamW` the index of a
 * parameter that would not be finite any more, or −1, as of any that has written.
 */
export type Result = number

/** Magnitudes from which rounding to float32 gives infinity. */
const LIMIT = 2 ** 127 * (2 - 2 ** -24)

const adamW = (job: AdamWJob): Result => {
  const { parameters, gradients, firstMoment, secondMoment, beta1, beta2, epsilon, gradientScale } = job
  const gain1 = 1 - beta1
  const gain2 = 1 - beta2
  const stepSize = job.learningRate / (1 - Math.pow(beta1, job.step))
  const correction2 = 1 / Math.sqrt(1 - Math.pow(beta2, job.step))
  for (const { begin, end, decay } of job.ranges) {
    const keep = decay ? 1 - job.learningRate * job.weightDecay : 1
    // Two loops: a test in the one that writes doubles what it takes.
    if (job.dry === true) {
      for (let i = begin; i < end; i++) {
        const g = gradients[i]! * gradientScale
        const m = beta1 * firstMoment[i]! + gain1 * g
        const v = beta2 * secondMoment[i]! + gain2 * g * g
        if (!(Math.abs(parameters[i]! * keep - stepSize * m / (Math.sqrt(v) * correction2 + epsilon)) < LIMIT)) return i
      }
      continue
    }
    for (let i = begin; i < end; i++) {
      const g = gradients[i]! * gradientScale
      const m = beta1 * firstMoment[i]! + gain1 * g
      const v = beta2 * secondMoment[i]! + gain2 * g * g
      firstMoment[i] = m
      secondMoment[i] = v
      parameters[i] = parameters[i]! * keep - stepSize * m / (Math.sqrt(v) * correction2 + epsilon)
    }
  }
  return -1
}

const check = ({ begin, end, limit, values }: CheckJob): Result => {
  const odd = Finite.firstBeyond(values.subarray(begin, end), limit)
  return odd < 0 ? -1 : begin + odd
}

const accumulate = ({ begin, buffers, end }: AccumulateJob): Result => {
  const target = buffers[0]!
  let squares = 0
  if (buffers.length === 1) {
    for (let i = begin; i < end; i++) squares += target[i]! * target[i]!
    return squares
  }
  if (buffers.length === 2) {
    const other = buffers[1]!
    for (let i = begin; i < end; i++) {
      target[i] = target[i]! + other[i]!
      squares += target[i]! * target[i]!
    }
    return squares
  }
  for (let i = begin; i < end; i++) {
    let sum = target[i]!
    for (let k = 1; k < buffers.length; k++) sum += buffers[k]![i]!
    target[i] = sum
    squares += target[i]! * target[i]!
  }
  return squares
}

/** Runs a job on the calling thread. */
export const execute = (job: Job): Result => {
  switch (job._tag) {
    case "AdamW":
      return adamW(job)
    case "Accumulate":
      return accumulate(job)
    case "Check":
      return check(job)
  }
}

/** Why a job cannot run, or `undefined`: its buffers must be shared and its ranges inside them. */
export const refusal = (job: Job): string | undefined => {
  const buffers = job._tag === "AdamW"
    ? [job.parameters, job.gradients, job.firstMoment, job.secondMoment]
    : job._tag === "Check"
    ? [job.values]
    : job.buffers
  if (buffers.length === 0) return "Accumulate got no buffers"
  if (!buffers.every(isShared)) {
    return `${job._tag} works in place, so its buffers must lie over a SharedArrayBuffer (HostTensor.shared)`
  }
  const shortest = Math.min(...buffers.map((buffer) => buffer.length))
  const ranges = job._tag === "AdamW" ? job.ranges : [job]
  const outside = ranges.find(({ begin, end }) =>
    !(Number.isInteger(begin) && Number.isInteger(end) && 0 <= begin && begin <= end && end <= shortest)
  )
  return outside === undefined
    ? undefined
    : `${job._tag} over [${outside.begin}, ${outside.end}) of buffers with ${shortest} elements`
}
