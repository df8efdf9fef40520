/** How far a policy has moved from the one that drew: the ratios of a loss, and what is told of them. */
import type { Form } from "../kernels/train/index.ts"
import type { GroupRelative } from "./Objective.ts"
import type { RatioStats } from "./Update.ts"

type Clip = GroupRelative["clip"]

/** Ratios of a completion's tokens: each its own, or for all that of the sequence, the geometric mean of them. */
export const of = (
  { ratio }: Form,
  logprobs: ArrayLike<number>,
  old: ArrayLike<number>
): Float64Array => {
  const logs = Float64Array.from(logprobs, (logprob, k) => logprob - (old[k] ?? NaN))
  if (ratio !== "sequence") return logs.map(Math.exp)
  const mean = logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length)
  return new Float64Array(logs.length).fill(Math.exp(mean))
}

/** A ratio within its bounds. */
export const bounded = (ratio: number, clip: Clip): number => Math.min(Math.max(ratio, 1 - clip.low), 1 + clip.high)

/** Which bound holds a token, if any. A weight is held on both sides, a clipped product where that is the less. */
const heldBy = ({ surrogate = "clipped" }: Form, ratio: number, advantage: number, clip: Clip) => {
  if (surrogate === "gated") return undefined
  const lower = ratio < 1 - clip.low && (surrogate === "weighted" || advantage < 0)
  const upper = ratio > 1 + clip.high && (surrogate === "weighted" || advantage > 0)
  return lower ? "low" : upper ? "high" : undefined
}

/** Counts ratios as they come. */
export interface Tally {
  readonly add: (ratios: Float64Array, advantages: ArrayLike<number>) => void
  /** Of all that came; absent where none did. */
  readonly stats: () => RatioStats | undefined
}

/** A count of the ratios of a loss. */
export const tally = (form: Form, clip: Clip): Tally => {
  let [count, sum, max, low, high] = [0, 0, 0, 0, 0]
  return {
    add: (ratios, advantages) => {
      ratios.forEach((ratio, k) => {
        count++
        sum += ratio
        if (ratio > max) max = ratio
        const held = heldBy(form, ratio, advantages[k] ?? 0, clip)
        if (held === "low") low++
        if (held === "high") high++
      })
    },
    stats: () => count === 0 ? undefined : { mean: sum / count, max, low: low / count, high: high / count }
  }
}
