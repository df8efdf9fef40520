/**
 * A format loss by draws alone, for engines that tell no token's probability but the drawn one's.
 *
 * The slope of −log of the mass that a grammar allows is, at every token of a text, (Σ p·∇log p over the forbidden
 * tokens) / (allowed mass). A text that the policy drew itself, at temperature 1 and without a mask, is a draw from
 * those probabilities: ∇log p of the one token that left the format, and nothing elsewhere, is the same slope on
 * average (the score function of Williams 1992). The allowed mass is at most 1 − p of that token, and stands for it.
 *
 * So it is a group-relative objective of one token a text: any engine that learns from rollouts learns it.
 */
import { Walk } from "../../kernels/generate/index.ts"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { Objective, type Rollout } from "../../policy/Policy.ts"

/** A text as it was drawn, at temperature 1 and without a mask, and the format that it should have. */
export interface DrawnText extends Pick<Rollout, "completion" | "prompt"> {
  readonly grammar: Grammar
}

/** How much a token that was drawn with certainty may weigh: it has no slope that could be scaled up. */
const steepest = 1000

/** How steep the loss is at a token that left a format: 1 / (allowed mass). */
const steepness = (logprob: number): number => 1 / Math.max(1 / steepest, 1 - Math.exp(logprob))

/** What the texts teach, and what can be told of them. */
export interface ByDraws {
  /** Absent where no text left its format: there is nothing to hold down. */
  readonly objective?: Objective
  readonly figures: { readonly format: number; readonly left: number }
  /** Tokens that were looked at, up to where each text left. */
  readonly tokens: number
}

/** The loss of some texts: its mean over all their tokens, times `weight`. */
export const of = (texts: ReadonlyArray<DrawnText>, weight: number): ByDraws => {
  const walked = texts.map(({ completion, grammar, prompt }) => ({
    prompt,
    completion,
    ...Walk.within(grammar, completion.tokens)
  }))
  const tokens = walked.reduce((sum, text) => sum + text.tokens.length, 0)
  const broken = walked.filter(({ left }) => left)
  const count = broken.reduce((sum, text) => sum + text.tokens.length, 0)
  const figures = {
    format: broken.length / Math.max(1, tokens),
    left: broken.length / Math.max(1, texts.length)
  }
  if (broken.length === 0) return { figures, tokens }
  const rollouts = broken.map(({ completion, prompt, tokens: own }): Rollout => {
    const last = own.length - 1
    return {
      prompt,
      completion: { ...completion, tokens: own, logprobs: completion.logprobs.slice(0, own.length) },
      // The objective's mean is over tokens of broken texts alone.
      advantage: -weight * count / tokens,
      importance: Float32Array.from(own, (_, i) => i < last ? 0 : steepness(completion.logprobs[last] ?? 0))
    }
  })
  return {
    objective: Objective.GroupRelative({
      rollouts,
      loss: "dapo",
      // At the weights that drew the texts every ratio is 1.
      clip: { low: 0.2, high: 0.2 },
      kl: 0,
      innerUpdates: 1,
      maxTokens: 1
    }),
    figures,
    tokens
  }
}

/**
 * Rollouts that hold their format too: the token that left it carries the loss beside its advantage. One without an
 * advantage, of a dead group, carries the loss alone.
 *
 * @param grammars of each, where it has one
 * @param factors of each token's own loss, as the objective averages: what the mean over all texts' tokens is worth in
 * it
 */
export const held = (
  rollouts: ReadonlyArray<Rollout>,
  grammars: ReadonlyArray<Grammar | undefined>,
  weight: number,
  average: (lengths: ReadonlyArray<number>) => ReadonlyArray<number>
) => {
  const walked = rollouts.map(({ completion }, i) => {
    const grammar = grammars[i]
    return grammar === undefined ? undefined : Walk.within(grammar, completion.tokens)
  })
  const tokens = walked.reduce((sum, text) => sum + (text?.tokens.length ?? 0), 0)
  const broken = walked.filter((text) => text?.left === true).length
  const learned = rollouts.map((rollout, i) => ({ rollout, text: walked[i] }))
    .filter(({ rollout, text }) => rollout.advantage !== 0 || text?.left === true)
  const own = average(learned.map(({ rollout }) => rollout.completion.tokens.length))
  return {
    rollouts: learned.map(({ rollout, text }, i): Rollout => {
      if (text?.left !== true) return rollout
      const last = text.tokens.length - 1
      const { advantage, completion } = rollout
      const loss = weight * steepness(completion.logprobs[last] ?? 0) / (tokens * (own[i] ?? 1))
      // An invalid text is never worth more than its group's mean.
      const at = Math.min(0, advantage)
      const base = at === 0 ? -1 : at
      return {
        ...rollout,
        advantage: base,
        importance: Float32Array.from(
          completion.tokens,
          (_, k) => (at === 0 ? 0 : 1) + (k === last ? loss / -base : 0)
        )
      }
    }),
    figures: {
      format: broken / Math.max(1, tokens),
      left: broken / Math.max(1, walked.filter((text) => text !== undefined).length)
    }
  }
}
