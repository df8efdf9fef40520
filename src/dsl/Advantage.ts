/**
 * How the rewards of one group become advantages.
 *
 * @module
 */
import { Context } from "effect"
import * as Spread from "../kernels/math/Spread.ts"
import type { GroupLoss } from "../policy/Policy.ts"

/** The advantages of one group, in the order of its rewards. */
export interface GroupAdvantage {
  /** Zero mean; all zero where the group is dead. */
  readonly advantages: ReadonlyArray<number>
  /** All rewards are equal: the group teaches nothing and is left out of the loss average. */
  readonly dead: boolean
}

type Divisor = (rewards: ReadonlyArray<number>, batch: ReadonlyArray<ReadonlyArray<number>>) => number

/** Rewards closer than this are equal: it is rounding, not preference. */
const equalWithin = 1e-12

/**
 * An estimator: the rewards of one group to its advantages.
 *
 * @param batch the rewards of every group of the step, that one among them; default: of that one alone
 */
export type Estimator = (
  rewards: ReadonlyArray<number>,
  batch?: ReadonlyArray<ReadonlyArray<number>>
) => GroupAdvantage

/**
 * Centres a live group and divides by what `divisorOf` makes of rewards.
 *
 * @throws RangeError on a reward that is not finite: it would poison every advantage of the group.
 */
const centred = (divisorOf: Divisor): Estimator => (rewards, batch = [rewards]) => {
  const bad = rewards.find((reward) => !Number.isFinite(reward))
  if (bad !== undefined) throw new RangeError(`a reward must be finite, got ${bad}`)
  const n = rewards.length
  const spread = n === 0 ? 0 : Math.max(...rewards) - Math.min(...rewards)
  if (spread <= equalWithin) return { advantages: rewards.map(() => 0), dead: true }
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / n
  const divisor = divisorOf(rewards, batch)
  return { advantages: rewards.map((reward) => (reward - mean) / divisor), dead: false }
}

/** GRPO as TRL computes it: (r − mean) / (std + 1e-4), standard deviation with Bessel's correction. */
export const grpo: Estimator = centred((rewards) => Spread.deviation(rewards) + 1e-4)

/**
 * Centred in its group, divided by the standard deviation of the whole batch plus 1e-4 (Liu et al. 2025, "Part I:
 * Tricks or Traps?", arXiv 2508.08221): a group whose rewards are nearly equal is not blown up.
 */
export const batchScaled: Estimator = centred((_, batch) => Spread.deviation(batch.flat()) + 1e-4)

/** Dr. GRPO (Liu et al. 2025): centred only, free of the difficulty bias that the division adds. */
export const drGrpo: Estimator = centred(() => 1)

/** What rewards can be divided by, once they are centred: `scaleRewards` of `reinforce` and `rft`. */
export const scales = ["group", "batch", "none"] as const
/** The standard deviation of the group, that of all groups of the step, or nothing. */
export type Scale = typeof scales[number]

/** The group-relative loss: an option of `reinforce` and `rft`. */
export type Loss = GroupLoss

/** What belongs to a loss in its paper: nothing to Dr. GRPO, to the others what GRPO divides by. */
export const scaleOf = (loss: Loss): Scale => loss === "dr_grpo" ? "none" : "group"

const estimators: Readonly<Record<Scale, Estimator>> = { group: grpo, batch: batchScaled, none: drGrpo }

/** The estimator of a loss: the one that belongs to it in its paper, or the one that divides as asked. */
export const ofLoss = (loss: Loss, scale: Scale = scaleOf(loss)): Estimator => estimators[scale]

/**
 * The estimator of GRPO stages, given their loss and `scaleRewards`. By default the one that belongs to the loss, so
 * that `{ loss: "dr_grpo" }` is all of Dr. GRPO; any other is provided:
 *
 * ```ts
 * Rise.train(pipeline).pipe(Effect.provideService(Advantage.Advantage, () => Advantage.drGrpo))
 * ```
 */
export const Advantage = Context.Reference<(loss: Loss, scale?: Scale) => Estimator>("rise/Advantage", {
  defaultValue: () => ofLoss
})
