/** What a step of reinforcement tells of its draws: what they earned, how long they are, how sure the policy was. */
import * as Spread from "../../kernels/math/Spread.ts"
import type { Completion, UpdateStats } from "../../policy/Policy.ts"
import type { Judged } from "./Judged.ts"

type Figures = Readonly<Record<string, number>>

const share = <T>(items: ReadonlyArray<T>, test: (item: T) => boolean): number =>
  items.length === 0 ? 0 : items.filter(test).length / items.length

const sum = (values: Iterable<number>): number => {
  let all = 0
  for (const value of values) all += value
  return all
}

/**
 * Mean −log π of the tokens that were drawn: the entropy of their distributions in nats, estimated without bias by the
 * draws themselves. Undefined where a text's probabilities are not known.
 */
const entropyOf = (completions: ReadonlyArray<Completion>): number | undefined => {
  const tokens = sum(completions.map(({ tokens }) => tokens.length))
  const known = completions.every(({ logprobs, tokens }) => logprobs.length === tokens.length)
  const entropy = -sum(completions.map(({ logprobs }) => sum(logprobs))) / tokens
  return known && Number.isFinite(entropy) ? entropy : undefined
}

/**
 * Of all draws of a step, dead groups included.
 *
 * @param dead groups whose rewards are all equal
 */
export const drawn = (groups: ReadonlyArray<ReadonlyArray<Judged>>, dead: number): Figures => {
  const candidates = groups.flat()
  const rewards = candidates.map(({ reward }) => reward)
  const completions = candidates.flatMap(({ draws }) => draws.map(({ completion }) => completion))
  const lengths = completions.map(({ tokens }) => tokens.length)
  const unjudged = share(candidates, ({ verdict }) => verdict === "judge")
  const entropy = entropyOf(completions)
  return {
    reward: sum(rewards) / Math.max(1, candidates.length),
    rewardStd: Spread.deviation(rewards),
    valid: share(candidates, ({ verdict }) => verdict === "ok"),
    leak: share(candidates, ({ verdict }) => verdict === "leak"),
    ...(unjudged > 0 && { unjudged }),
    groups: groups.length,
    dead,
    deadShare: dead / Math.max(1, groups.length),
    length: sum(lengths) / Math.max(1, completions.length),
    length25: Spread.quantile(lengths, 0.25),
    length50: Spread.quantile(lengths, 0.5),
    length75: Spread.quantile(lengths, 0.75),
    truncated: share(completions, ({ finish }) => finish === "length"),
    ...(entropy !== undefined && { entropy })
  }
}

/** How far the policy had moved from the one that drew, and which bound held it, where its engine tells it. */
export const ratioFigures = ({ ratios }: Pick<UpdateStats, "ratios">): Figures =>
  // A ratio beyond all numbers cannot be written down; the loss that it is of is refused anyway.
  ratios === undefined || !Number.isFinite(ratios.max) ? {} : {
    clipLow: ratios.low,
    clipHigh: ratios.high,
    ratioMean: ratios.mean,
    ratioMax: ratios.max
  }

/** The mean entropy that a bonus pays for, in nats: of the distributions themselves, at the weights that learn. */
export const bonusFigures = ({ entropy }: Pick<UpdateStats, "entropy">): Figures =>
  entropy === undefined ? {} : { "entropy paid": entropy }
