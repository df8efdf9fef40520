/**
 * How the rewards of one group become advantages. Swap the layer to swap the estimator.
 */
import { Context, Layer } from "effect"

/** The advantages of one group, in the order of its rewards. */
export interface GroupAdvantage {
  /** Zero mean; all zero where the group is dead. */
  readonly advantages: ReadonlyArray<number>
  /** All rewards are equal: the group teaches nothing and is left out of the loss average. */
  readonly dead: boolean
}

/** Rewards closer than this are equal: it is rounding, not preference. */
const equalWithin = 1e-12

/**
 * Centres a live group and divides by what `scale` makes of its standard deviation (Bessel-corrected).
 *
 * @throws RangeError on a reward that is not finite: it would poison every advantage of the group.
 */
const centred = (scale: (deviation: number) => number) => (rewards: ReadonlyArray<number>): GroupAdvantage => {
  const bad = rewards.find((reward) => !Number.isFinite(reward))
  if (bad !== undefined) throw new RangeError(`a reward must be finite, got ${bad}`)
  const n = rewards.length
  const spread = n === 0 ? 0 : Math.max(...rewards) - Math.min(...rewards)
  if (spread <= equalWithin) return { advantages: rewards.map(() => 0), dead: true }
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / n
  const deviation = Math.sqrt(rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / (n - 1))
  const divisor = scale(deviation)
  return { advantages: rewards.map((reward) => (reward - mean) / divisor), dead: false }
}

/**
 * Group-relative advantages.
 *
 * ```ts
 * const { advantages, dead } = (yield* Advantage).normalize([1, 0, 0, 1])
 * ```
 */
export class Advantage extends Context.Service<Advantage, {
  readonly normalize: (rewards: ReadonlyArray<number>) => GroupAdvantage
}>()("rise/Advantage") {
  /** GRPO as TRL computes it: (r − mean) / (std + 1e-4), standard deviation with Bessel's correction. */
  static readonly layerGrpo = Layer.succeed(this, { normalize: centred((deviation) => deviation + 1e-4) })

  /** Dr. GRPO (Liu et al. 2025): centred only, free of the difficulty bias that the division adds. */
  static readonly layerDrGrpo = Layer.succeed(this, { normalize: centred(() => 1) })
}
