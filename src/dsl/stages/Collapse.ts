/**
 * Whether a GRPO stage loses what it had: its texts stop keeping the format, or stop earning anything. That is told
 * while the stage runs, for nothing after it gets better by itself.
 */

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

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Says once, and again after it has recovered to half of its best, that a figure is gone. */
const watchOne = (what: string) => {
  const recent: Array<number> = []
  let best = { value: 0, step: 0 }
  let gone = false
  return (step: number, value: number): string | undefined => {
    recent.push(value)
    if (recent.length > span) recent.shift()
    if (recent.length < span) return undefined
    const now = mean(recent)
    if (now > best.value) best = { value: now, step }
    if (now >= best.value / 2) gone = false
    if (gone || best.value < something || now > nothing * best.value) return undefined
    gone = true
    return `${what} has fallen from ${best.value.toFixed(3)} (${span} steps up to step ${best.step}) to ${
      now.toFixed(3)
    } (${span} steps up to step ${step})`
  }
}

/**
 * Watches a stage's steps in order, beside what another watch looks for. Figures are `valid`, the share of texts that
 * can be read, and `reward`, the mean reward, both in [0, 1].
 */
export const watch = (
  beside: (step: number, figures: Readonly<Record<string, number>>) => string | undefined = () => undefined
) => {
  const watches = { valid: watchOne(watched.valid), reward: watchOne(watched.reward) }
  return (step: number, figures: Readonly<Record<string, number>>): string | undefined => {
    const other = beside(step, figures)
    const { reward = 0, valid = 0 } = figures
    const unread = watches.valid(step, valid)
    // Texts that cannot be read earn nothing: of the two the first is the reason.
    const unpaid = watches.reward(step, reward)
    const lost = unread ?? unpaid
    const next = unread === undefined
      ? "lower learningRate, raise kl, or look at its texts with `rise annotate`: they can be read and are wrong"
      : "lower learningRate, raise kl, or pay for the format (`format` here)"
    const collapsed = lost === undefined ? undefined : `the policy collapses: ${lost}; ${next}`
    return collapsed === undefined || other === undefined ? collapsed ?? other : `${collapsed}. ${other}`
  }
}
