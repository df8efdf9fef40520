/**
 * Numbers that are none: looked for where they leave the graphs, before texts, scores or weights are made of them.
 *
 * Logits stay in the graphs; what comes out is the log-probability of the drawn token. It is NaN wherever a logit of
 * its row is NaN or +∞, or all are −∞ (a single −∞ is a probability of 0, and no fault). Under a grammar, which
 * adds −1e9, allowed logits of −∞ leave a forbidden token the likeliest: that shows in the token itself.
 */
import { Schema } from "effect"
import { AdamW } from "../kernels/train/index.ts"
import { PolicyError } from "./Policy.ts"

/** What to change where a training diverges. */
export const gentler = "lower learningRate or clipNorm"

/** What was computed is no number any more. */
export class NotFinite extends Schema.TaggedError<NotFinite>()("NotFinite", {
  /** What, and where: "the logits at step 3 of sample \"a\", candidate 0, are not finite". */
  what: Schema.String
}) {
  override get message() {
    return `${this.what}: the weights are ruined (a training that diverged, a damaged checkpoint) or too large for ` +
      `float32; go back to an earlier checkpoint, and ${gentler}`
  }
}

/** Whether a policy failed because its weights are ruined, or would have been by the next update; and how it showed. */
export const reasonOf = (error: unknown): string | undefined => {
  if (!(error instanceof PolicyError)) return undefined
  const { cause } = error
  return cause instanceof NotFinite ?
    cause.what
    : cause instanceof AdamW.GradientError || cause instanceof AdamW.RuinedWeights ?
    cause.what
    : undefined
}

/** The first step of a rollout whose draw means nothing, and why; undefined where all are sound. */
export const inDraw = (
  logprobs: Float32Array,
  steps: ReadonlyArray<{ readonly allowed: boolean }>
): { readonly step: number; readonly why: string } | undefined => {
  for (const [step, { allowed }] of steps.entries()) {
    if (!Number.isFinite(logprobs[step])) return { step, why: "the logits are not finite" }
    if (!allowed) return { step, why: "no token that the grammar allows has a finite logit" }
  }
  return undefined
}
