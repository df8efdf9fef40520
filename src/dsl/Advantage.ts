/**
 * How the rewards of one group become advantages.
 *
 * @module
 */
import { Context } from "effect"
import type { GroupLoss } from "../policy/Policy.ts"

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

/** An estimator: the rewards of one group to its advantages. */
export type Estimator = (rewards: ReadonlyArray<number>) => GroupAdvantage

/** GRPO as TRL computes it: (r − mean) / (std + 1e-4), standard deviation with Bessel's correction. */
export const grpo: Estimator = centred((deviation) => deviation + 1e-4)

/** Dr. GRPO (Liu et al. 2025): centred only, free of the difficulty bias that the division adds. */
export const drGrpo: Estimator = centred(() => 1)

/** How the tokens' losses are averaged: an option of `reinforce` and `rft`. */
export type Loss = GroupLoss

/** The estimator that belongs to a loss in its paper: Dr. GRPO's is its own, DAPO keeps GRPO's. */
export const ofLoss = (loss: Loss): Estimator => loss === "dr_grpo" ? drGrpo : grpo

/**
 * The estimator of GRPO stages, given their loss. By default the one that belongs to it, so that `{ loss: "dr_grpo" }`
 * is all of Dr. GRPO; any other is provided:
 *
 * ```ts
 * Rise.train(pipeline).pipe(Effect.provideService(Advantage.Advantage, () => Advantage.drGrpo))
 * ```
 */
export const Advantage = Context.Reference<(loss: Loss) => Estimator>("rise/Advantage", { defaultValue: () => ofLoss })
