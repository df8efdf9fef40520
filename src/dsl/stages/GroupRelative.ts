/**
 * One GRPO step: rewards of groups become advantages, live groups become an update. Shared by `reinforce` and `rft`.
 */
import { Effect, Schema } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { type FormatText, Objective, Policy, type PolicyError, type UpdateOptions } from "../../policy/Policy.ts"
import * as TokenWeights from "../../policy/TokenWeights.ts"
import { Advantage } from "../Advantage.ts"
import * as Group from "../Group.ts"
import type { Verdict } from "../Reward.ts"
import * as Blame from "./Blame.ts"
import * as DrawFigures from "./DrawFigures.ts"
import type { Judged } from "./Judged.ts"
import * as Memory from "./Memory.ts"
import { filled, type GrpoOptions } from "./Settings.ts"
import { EveryGroupDead } from "./StageError.ts"
import { correctionFigures, formatFigures, gradientFigures, type StepReport, trainedTokens } from "./Train.ts"

export type { Judged } from "./Judged.ts"

/** Where nothing is left to learn. */
export const perfect = 0.99

const commonest = (verdicts: ReadonlyArray<Verdict>): Verdict => {
  const counts = new Map<Verdict, number>()
  for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
  return [...counts].reduce<readonly [Verdict, number]>((most, entry) => entry[1] > most[1] ? entry : most, [
    "ok",
    0
  ])[0]
}

/**
 * A quarter of a group, those first whose format is broken: the texts of a format loss. More of the same prompt tell
 * little more.
 */
const quarterOf = (group: ReadonlyArray<Judged>): ReadonlyArray<Judged> => {
  const broken = (candidate: Judged) => candidate.verdict.startsWith("format")
  const first = [...group.filter(broken), ...group.filter((candidate) => !broken(candidate))]
  return first.slice(0, Math.ceil(group.length / 4))
}

/**
 * All first draws of a group, then all second ones, with the number of their turn and of their candidate: draws of one
 * prompt stay neighbours and can share its prefill.
 */
const byTurn = <B>(
  group: ReadonlyArray<Judged>,
  each: (draw: Group.Draw, turn: number, candidate: number) => ReadonlyArray<B>
): ReadonlyArray<B> =>
  (group[0]?.draws ?? []).flatMap((_, turn) =>
    group.flatMap(({ draws }, candidate) => draws.slice(turn, turn + 1).flatMap((draw) => each(draw, turn, candidate)))
  )

/** The texts of a format loss: a quarter of each group's candidates, each draw with its grammar. */
const formatTexts = (
  groups: ReadonlyArray<ReadonlyArray<Judged>>,
  grammars: ReadonlyArray<Grammar | undefined>
): ReadonlyArray<FormatText> =>
  groups.map(quarterOf).flatMap((group) =>
    byTurn(group, ({ completion: { tokens }, prompt }, turn) => {
      const grammar = grammars[turn]
      return grammar === undefined ? [] : [{ prompt, tokens, grammar }]
    })
  )

/** How many steps in a row had no live group. */
export const deadInARow = () => Memory.make("dead in a row", Schema.Int, 0)

/**
 * A step function.
 *
 * @param grammars of each draw of a candidate, for a format loss and for `blame`
 * @param dead what it remembers
 */
export const stepper = (
  stage: string,
  settings: GrpoOptions,
  grammars: ReadonlyArray<Grammar | undefined>,
  dead: Memory.Memory<number> = deadInARow()
) => {
  const asked = filled(settings)
  const { blame, clip, deadSteps, entropy, format: weight, gate, innerUpdates, kl, klEstimator, loss, maskTruncated } =
    asked
  return (
    groups: ReadonlyArray<ReadonlyArray<Judged>>,
    step: number,
    update: UpdateOptions
  ): Effect.Effect<StepReport, PolicyError | EveryGroupDead, Policy> =>
    Effect.gen(function*() {
      const normalize = (yield* Advantage)(loss, asked.scaleRewards)
      const policy = yield* Policy
      const rewards = groups.map((group) => group.map(({ reward }) => reward))
      const scored = groups.map((group, i) => ({ group, ...normalize(rewards[i] ?? [], rewards) }))
      const rollouts = scored.filter(({ dead }) => !dead).flatMap(({ advantages, group }) =>
        byTurn(group, (draw, turn, at) => {
          const rollout = Group.rollout(draw, advantages[at] ?? 0)
          const candidate = blame === "token" ? group[at] : undefined
          return [candidate === undefined ? rollout : Blame.laid(rollout, Blame.faultOf(candidate, grammars), turn)]
        })
      )
      const candidates = groups.flat()
      const sampled = candidates.reduce(
        (sum, { draws }) => sum + draws.reduce((n, { completion }) => n + completion.tokens.length, 0),
        0
      )
      const figures = DrawFigures.drawn(groups, scored.filter(({ dead }) => dead).length)
      const { reward = 0 } = figures
      const learnable = rollouts.some((rollout) => !TokenWeights.isMasked({ maskTruncated }, rollout))
      // Groups that are dead because everything is right are the goal, not a fault.
      if (learnable) dead.value = 0
      else if (reward < perfect) dead.value++
      if (dead.value >= deadSteps) {
        const verdict = commonest(candidates.map((candidate) => candidate.verdict))
        const masked = rollouts.length > 0
        return yield* new EveryGroupDead({ stage, steps: dead.value, step, reward, verdict, ...(masked && { masked }) })
      }
      const texts = weight > 0 ? formatTexts(groups, grammars) : []
      if (!learnable && texts.length === 0) {
        return { figures: { ...figures, loss: 0, gradNorm: 0, kl: 0, clipFraction: 0, trained: 0 }, tokens: sampled }
      }
      const stats = yield* policy.update(
        Objective.GroupRelative({
          rollouts,
          loss,
          clip,
          kl,
          innerUpdates,
          maxTokens: asked.lossLength,
          ...(loss === "sapo" && { gate }),
          ...(kl > 0 && { klEstimator }),
          ...(entropy > 0 && { entropy }),
          ...(maskTruncated && { maskTruncated }),
          ...(texts.length > 0 && { format: { weight, texts } })
        }),
        update
      )
      return {
        figures: {
          ...figures,
          loss: stats.loss,
          ...gradientFigures(stats),
          kl: stats.kl,
          clipFraction: stats.clipFraction,
          ...DrawFigures.ratioFigures(stats),
          ...DrawFigures.bonusFigures(stats),
          ...formatFigures(stats),
          ...correctionFigures(stats),
          trained: stats.tokens
        },
        tokens: sampled + trainedTokens(stats)
      }
    })
}
