/**
 * Whether a GRPO stage loses what it had: its texts stop keeping the format, or stop earning anything. That is told
 * while the stage runs, for nothing after it gets better by itself.
 */

import { Schema } from "effect"
import { mean } from "../../kernels/math/Spread.ts"
import * as Memory from "./Memory.ts"

/** What is watched, by the name of its figure, and what its loss is called by. */
const watched = {
  valid: "the share of texts that can be read",
  reward: "the reward"
} as const

/** Steps whose mean is looked at: the rewards of a few prompts vary. */
const span = 5
/** Means below it were nothing that could be lost. */
const something = 0.1
/** The share of the best mean that is as good as nothing. */
const nothing = 0.05

/** What is remembered of a figure. */
const One = Schema.Struct({
  /** Of the last steps. */
  recent: Schema.Array(Schema.Finite),
  /** The best mean, and the step up to which it was. */
  best: Schema.Struct({ value: Schema.Finite, step: Schema.Int }),
  gone: Schema.Boolean
})
type One = typeof One.Type

const Seen = Schema.Struct({ valid: One, reward: One })
const nothingYet: One = { recent: [], best: { value: 0, step: 0 }, gone: false }

/** What `watch` remembers of a stage. */
export const memory = () => Memory.make("collapse", Seen, { valid: nothingYet, reward: nothingYet })

/** Says once, and again after it has recovered to half of its best, that a figure is gone. */
const watchOne = (
  what: string,
  { best: before, gone: known, recent: seen }: One,
  step: number,
  value: number
): readonly [One, string | undefined] => {
  const recent = [...seen, value].slice(-span)
  if (recent.length < span) return [{ recent, best: before, gone: known }, undefined]
  const now = mean(recent)
  const best = now > before.value ? { value: now, step } : before
  const gone = known && now < best.value / 2
  if (gone || best.value < something || now > nothing * best.value) return [{ recent, best, gone }, undefined]
  const text = `${what} has fallen from ${best.value.toFixed(3)} (${span} steps up to step ${best.step}) to ${
    now.toFixed(3)
  } (${span} steps up to step ${step})`
  return [{ recent, best, gone: true }, text]
}

/**
 * Watches a stage's steps in order, beside what another watch looks for. Figures are `valid`, the share of texts that
 * can be read, and `reward`, the mean reward, both in [0, 1].
 */
export const watch = (
  beside: (step: number, figures: Readonly<Record<string, number>>) => string | undefined = () => undefined,
  seen: Memory.Memory<typeof Seen.Type> = memory()
) => {
  return (step: number, figures: Readonly<Record<string, number>>): string | undefined => {
    const other = beside(step, figures)
    const { reward = 0, valid = 0 } = figures
    const [nowValid, unread] = watchOne(watched.valid, seen.value.valid, step, valid)
    // Texts that cannot be read earn nothing: of the two the first is the reason.
    const [nowReward, unpaid] = watchOne(watched.reward, seen.value.reward, step, reward)
    seen.value = { valid: nowValid, reward: nowReward }
    const lost = unread ?? unpaid
    const next = unread === undefined
      ? "lower learningRate, raise kl, or look at its texts with `rise annotate`: they can be read and are wrong"
      : "lower learningRate, raise kl, or pay for the format (`format` here)"
    const collapsed = lost === undefined ? undefined : `the policy collapses: ${lost}; ${next}`
    return collapsed === undefined || other === undefined ? collapsed ?? other : `${collapsed}. ${other}`
  }
}
