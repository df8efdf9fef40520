/**
 * What an update makes of an objective: drafts with a weight for every token, and the optimiser steps over them.
 */
import { Effect } from "effect"
import {
  type GroupRelative,
  type Objective,
  PolicyError,
  sapoGate,
  type UpdateOptions,
  type UpdateStats
} from "../Policy.ts"
import * as Surrogate from "../Surrogate.ts"
import * as TokenWeights from "../TokenWeights.ts"
import type { PolicyContext } from "./Context.ts"
import { formatDrafts, packed, scored, supervisedDrafts } from "./Drafts.ts"
import * as GrammarTables from "./GrammarTables.ts"
import type * as KlReference from "./KlReference.ts"
import type * as LossAndGradients from "./LossAndGradients.ts"
import type { Draft } from "./PackedBatches.ts"

/** Figures of an update, without the version that it made. */
type Learned = Omit<UpdateStats, "version">

/** One optimiser step from the gradients of some drafts. */
type Step<E, R> = (
  drafts: ReadonlyArray<Draft>,
  loss: Omit<LossAndGradients.LossOptions, "step">,
  update: UpdateOptions
) => Effect.Effect<LossAndGradients.LossResult & { readonly gradNorm: number }, E, R>

/** How a policy learns from an objective. */
export const make = <E, R>(context: PolicyContext, reference: KlReference.Reference, step: Step<E, R>) => {
  const supervised = Effect.fnUntraced(function*(
    { examples, format }: Extract<Objective, { readonly _tag: "Supervised" }>,
    update: UpdateOptions
  ) {
    const { layers } = context.model.config
    const outside = examples.flatMap(({ auxiliary = [] }) => auxiliary).find(({ layer = 1 }) =>
      layer < 1 || layer >= layers
    )
    if (outside !== undefined) {
      return yield* new PolicyError({
        operation: "update",
        reason: `layer ${outside.layer} of an auxiliary target is none of the inner ones, 1 to ${
          layers - 1
        }; leave it out for the last`
      })
    }
    const drafts = supervisedDrafts(context, examples)
    const parts = drafts.flatMap(({ auxiliary = [], candidates }) => [...auxiliary, ...candidates.flat()])
    if (parts.every(({ weight }) => weight === 0)) {
      const reason = "there is nothing to learn from: every target weighs 0"
      return yield* new PolicyError({ operation: "update", reason })
    }
    const formatted = formatDrafts(context, format)
    const { format: formatLoss, gradNorm, loss } = yield* step([...drafts, ...formatted.drafts], {
      kind: "supervised",
      knobs: {}
    }, update)
    const tokens = drafts.reduce((n, { candidates }) => n + candidates.reduce((m, c) => m + c.length, 0), 0)
    return { loss, gradNorm, kl: 0, clipFraction: 0, tokens, ...formatted.stats(formatLoss) }
  })

  const groupRelative = Effect.fnUntraced(
    function*(objective: GroupRelative, update: UpdateOptions) {
      const { clip, entropy = 0, format, gate = sapoGate, innerUpdates, kl } = objective
      for (const [i, rollout] of objective.rollouts.entries()) {
        const { tokens } = rollout.completion
        yield* GrammarTables.checkLength("update", rollout, context.model.ends, tokens, `rollout ${i}: `)
      }
      const learned = TokenWeights.learned(objective)
      const rollouts = learned.map(({ rollout }) => rollout)
      const drafts = packed(
        rollouts,
        learned.map(({ rollout: { advantage, completion, grammar, importance, maxTokens }, weight }) =>
          scored(
            context,
            completion.tokens,
            { grammar, maxTokens },
            (k) => ({
              weight,
              advantage: advantage * (importance?.[k] ?? 1),
              oldLogprob: completion.logprobs[k] ?? 0
            })
          )
        )
      )
      const scoredReference = kl > 0 && reference.held() && drafts.length > 0
        ? yield* reference.score(drafts)
        : undefined
      const tokens = rollouts.reduce((n, { completion }) => n + completion.tokens.length, 0)
      const lossOptions: Omit<LossAndGradients.LossOptions, "step"> = {
        kind: "groupRelative",
        form: Surrogate.formOf({ ...objective, kl: scoredReference === undefined ? 0 : kl }),
        clip,
        knobs: {
          clipLow: 1 - clip.low,
          clipHigh: 1 + clip.high,
          gatePositive: gate.positive,
          gateNegative: gate.negative,
          klCoefficient: scoredReference === undefined ? 0 : kl,
          // The bonus is a mean over tokens, whatever the loss averages.
          entropyCoefficient: entropy / Math.max(1, tokens)
        },
        ...(scoredReference && { reference: scoredReference })
      }
      const formatted = formatDrafts(context, format)
      const all = [...drafts, ...formatted.drafts]
      if (all.length === 0) {
        const reason = "there is nothing to learn from: every rollout was cut off, and maskTruncated leaves those out"
        return yield* new PolicyError({ operation: "update", reason })
      }
      let last = yield* step(all, lossOptions, update)
      for (let i = 1; i < innerUpdates; i++) last = yield* step(all, lossOptions, update)
      return {
        loss: last.loss,
        gradNorm: last.gradNorm,
        kl: scoredReference === undefined ? 0 : (last.metrics["kl"] ?? 0) / Math.max(1, tokens),
        clipFraction: (last.metrics["clipped"] ?? 0) / Math.max(1, tokens),
        ...(last.ratios && { ratios: last.ratios }),
        ...(entropy > 0 && drafts.length > 0 && { entropy: (last.metrics["entropy"] ?? 0) / Math.max(1, tokens) }),
        tokens,
        ...formatted.stats(last.format)
      }
    }
  )

  return Effect.fnUntraced(function*(objective: Objective, update: UpdateOptions) {
    const learned: Learned = objective._tag === "Supervised"
      ? yield* supervised(objective, update)
      : yield* groupRelative(objective, update)
    return learned
  })
}
