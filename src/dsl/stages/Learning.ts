/**
 * Whether a GRPO stage learns: its reward rises, or its policy at least moves. Looked at half-way and at the end.
 */
import { filled, type GrpoOptions } from "./Settings.ts"

/** What one step tells of it. */
interface Step {
  readonly reward: number
  /** Share of candidates whose text could be read, 0 to 1. */
  readonly valid: number
  /** To the stage's reference, nats per token; 0 where it is not measured (β = 0). */
  readonly kl: number
}

/** Fewer steps tell nothing: rewards of a few prompts vary. */
const fewest = 20
/** Where almost everything is right already, nothing has to rise. */
const enough = 0.9
/** A policy that learned something is further away: KL per token of the embedded tasks ends between 0.03 and 0.6. */
const still = 1e-3

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

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
      ? `${Math.round(100 * readable)}% of its texts keep the format: warm up first (Rise.warmUp), or pay for the ` +
        "format (`format` here, `practice` in warmUp and sft)"
      : "Warm up first (Rise.warmUp), or start from a model that earns more"
  ].join("")
}

/** Watches a stage's steps, counted from 1; says at most twice that they teach nothing. */
export const watch = (settings: GrpoOptions) => {
  const { steps: total } = filled(settings)
  const seen: Array<Step> = []
  return (step: number, { kl = 0, reward = 0, valid = 0 }: Readonly<Record<string, number>>): string | undefined => {
    seen.push({ kl, reward, valid })
    const half = Math.floor(total / 2)
    return (step === half && half >= 2 * fewest) || (step === total && total >= fewest)
      ? verdict(seen, settings)
      : undefined
  }
}
