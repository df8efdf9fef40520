/**
 * Whether a GRPO stage learns: its reward rises, or its policy at least moves. Looked at half-way and at the end; and
 * whether there is anything to learn from, which dead groups are not.
 */
import { Schema } from "effect"
import { mean } from "../../kernels/math/Spread.ts"
import { inPercent } from "../../kernels/text/inPercent.ts"
import { perfect } from "./GroupRelative.ts"
import * as Memory from "./Memory.ts"
import { defaults, filled, type GrpoOptions } from "./Settings.ts"
import { whyDead, whyMasked } from "./StageError.ts"

/** What one step tells of it. */
const Step = Schema.Struct({
  reward: Schema.Finite,
  /** Share of candidates whose text could be read, 0 to 1. */
  valid: Schema.Finite,
  /** To the stage's reference, nats per token; 0 where it is not measured (β = 0). */
  kl: Schema.Finite
})
type Step = typeof Step.Type

/** What is remembered of a stage's steps. */
const Seen = Schema.Struct({
  steps: Schema.Array(Step),
  /** Steps in a row, up to the last, all of whose groups were dead. */
  row: Schema.Int,
  /** Whether that was told. */
  said: Schema.Boolean,
  /** Whether any text was learned from. Absent beside steps: an earlier version, which did not note it, made them. */
  learned: Schema.optionalKey(Schema.Boolean),
  /** Steps whose groups differ, and which no text was learned from: all were masked. */
  masked: Schema.optionalKey(Schema.Int),
  /** The same for another reason: the policy left them out. */
  left: Schema.optionalKey(Schema.Int)
})

/** Fewer steps tell nothing: rewards of a few prompts vary. */
const fewest = 20
/** Where almost everything is right already, nothing has to rise. */
const enough = 0.9
/** A policy that learned something is further away: KL per token of the embedded tasks ends between 0.03 and 0.6. */
const still = 1e-3

/** Squared standard error of a mean. */
const uncertainty = (values: ReadonlyArray<number>): number => {
  const centre = mean(values)
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, values.length - 1) / values.length
}

/** Says why it looks as if these steps had taught nothing; undefined where they did, or cannot tell. */
const verdict = (steps: ReadonlyArray<Step>, settings: GrpoOptions): string | undefined => {
  const { kl: beta, learningRate } = filled(settings)
  const quarter = Math.floor(steps.length / 4)
  const rewards = steps.map(({ reward }) => reward)
  const [first, last] = [rewards.slice(0, quarter), rewards.slice(-quarter)] as const
  const [before, after] = [mean(first), mean(last)]
  const moved = mean(steps.slice(-quarter).map(({ kl }) => kl))
  const noise = Math.sqrt(uncertainty(first) + uncertainty(last))
  if (after >= enough || after - before > 2 * noise || (beta > 0 && moved >= still)) return undefined
  const readable = mean(steps.slice(-quarter).map(({ valid }) => valid))
  return [
    `the reward does not rise: ${before.toFixed(3)} in the first ${quarter} steps, ${
      after.toFixed(3)
    } in the last ${quarter} of ${steps.length}`,
    ...(beta > 0 ? [`, and the policy has hardly moved (KL ${moved.toExponential(1)})`] : []),
    `. learningRate is ${learningRate}: the default suits models of billions of parameters, a small one wants ` +
    `10 to 20 times as much. `,
    readable < 0.5
      ? `${inPercent(readable)}% of its texts keep the format: warm up first (warmUp), or pay for the ` +
        "format (`format` here, `practice` in warmUp and sft)"
      : "Warm up first (warmUp), or start from a model that earns more"
  ].join("")
}

/** The steps of a stage that are told of as dead: as many as end it where `deadSteps` is left out. */
const told = defaults.deadSteps

/** Says once that every group of many steps in a row, or of all steps of a short stage, is dead. */
const watchDead = (total: number, seen: Memory.Memory<typeof Seen.Type>) =>
(
  step: number,
  { dead = 0, groups = 0, leak = 0, reward = 0, valid = 0 }: Readonly<Record<string, number>>
) => {
  // Groups that are dead because everything is right are the goal.
  const row = groups > 0 && dead === groups && reward < perfect ? seen.value.row + 1 : 0
  seen.value = { ...seen.value, row }
  const whole = step === total && row === total
  if (seen.value.said || (row < told && !whole)) return undefined
  seen.value = { ...seen.value, said: true }
  const format = 1 - valid - leak
  const worst = valid >= Math.max(leak, format) ? "ok" : leak >= format ? "leak" : "format"
  return `all groups of ${whole ? `all ${total}` : `${row} consecutive`} steps (up to step ${step}) are dead, and ` +
    `taught nothing: ${whyDead({ reward, verdict: worst })}`
}

/** Whether any text was learned from so far; undefined where that was not noted. */
const learnedSo = ({ learned, steps }: typeof Seen.Type): boolean | undefined =>
  learned ?? (steps.length === 0 ? false : undefined)

/** What `watch` remembers of a stage. */
export const memory = () => Memory.make("learning", Seen, { steps: [], row: 0, said: false })

/** Watches a stage's steps, counted from 1; says at most three times that they teach nothing. */
export const watch = (settings: GrpoOptions, seen: Memory.Memory<typeof Seen.Type> = memory()) => {
  const { maskTruncated, steps: total } = filled(settings)
  const deadness = watchDead(total, seen)
  return (step: number, figures: Readonly<Record<string, number>>): string | undefined => {
    const { dead = 0, dropped = 0, groups = 0, kl = 0, reward = 0, trained = 0, valid = 0 } = figures
    const { left = 0, masked = 0, steps } = seen.value
    const learned = trained > 0 || learnedSo(seen.value)
    const nothing = trained === 0 && dead < groups
    const isMasked = nothing && maskTruncated && dropped === 0
    seen.value = {
      ...seen.value,
      steps: [...steps, { kl: Number.isFinite(kl) ? kl : Number.MAX_VALUE, reward, valid }],
      ...(learned !== undefined && { learned }),
      masked: masked + Number(isMasked),
      left: left + Number(nothing && !isMasked)
    }
    const half = Math.floor(total / 2)
    const looked = (step === half && half >= 2 * fewest) || (step === total && total >= fewest)
      ? verdict(seen.value.steps, settings)
      : undefined
    return deadness(step, figures) ?? looked
  }
}

/** Says at the end of a stage, after so many steps, that no text of groups that differ was learned from, and why. */
export const ended = (seen: Memory.Memory<typeof Seen.Type>) => (steps: number): string | undefined => {
  const { left = 0, masked = 0 } = seen.value
  if (learnedSo(seen.value) !== false || masked + left === 0) return undefined
  return [
    `no text was learned from in ${steps} ${steps === 1 ? "step" : "steps"}: `,
    [
      ...(masked > 0 ? [`in ${masked} of them ${whyMasked}`] : []),
      ...(left > 0
        ? [`in ${left} of them rewards differed, and the policy left every text out (dropped in metrics.jsonl)`]
        : [])
    ].join("; ")
  ].join("")
}
