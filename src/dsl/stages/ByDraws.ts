/**
 * A format loss by draws alone, for engines that tell no token's probability but a given one's.
 *
 * A text that the policy wrote itself tells where it would break a format: at the first token that a grammar does not
 * allow. The loss is −log(1 − p) of that token, mean over the tokens of all texts (unlikelihood training, Welleck et
 * al. 2020): p is at most the probability of leaving the format there, so it is a lower bound of the loss that
 * `FormatText` has from all tokens. Where a text was drawn cooler than at 1, p is nearly all of it.
 *
 * Its slope, p / (1 − p), is that of a group-relative objective of one token a text: any engine that learns from
 * rollouts learns it.
 */
import { Effect } from "effect"
import type { Grammar } from "../../kernels/generate/Grammar.ts"
import { Walk } from "../../kernels/generate/index.ts"
import {
  type Completion,
  Objective,
  PolicyError,
  type Prompt,
  type Rollout,
  type Session
} from "../../policy/Policy.ts"

/** A text as the policy wrote it, without a mask, and the format that it should have. */
export interface DrawnText {
  readonly prompt: Prompt
  readonly completion: Completion
  readonly grammar: Grammar
}

/** What the texts teach, and what can be told of them. */
export interface ByDraws {
  /** Absent where no text left its format: there is nothing to hold down. */
  readonly objective?: Objective
  /** The mean loss in nats a token, and the share of texts that left their format. */
  readonly figures: { readonly format: number; readonly left: number }
  /** Tokens that were looked at, up to where each text left. */
  readonly tokens: number
}

/** The steepest slope: a token that is all but certain moves hardly, whatever it is multiplied with. */
const steepest = 1000

/** What is held down in texts, their mean times `weight`: those that left their format are scored once more. */
export const of = Effect.fnUntraced(function*(session: Session, texts: ReadonlyArray<DrawnText>, weight: number) {
  const walked = texts.map(({ completion, grammar, prompt }) => ({
    prompt,
    completion,
    ...Walk.within(grammar, completion.tokens)
  }))
  const tokens = walked.reduce((sum, text) => sum + text.tokens.length, 0)
  const broken = walked.filter(({ left }) => left)
  if (broken.length === 0) {
    const nothing: ByDraws = { figures: { format: 0, left: 0 }, tokens }
    return nothing
  }
  // At temperature 1, whatever the draw's was, and by the weights that learn.
  const scores = yield* session.logprobs(broken)
  const odd = broken.find((text, i) => scores[i]?.length !== text.tokens.length)
  if (odd !== undefined) {
    return yield* new PolicyError({
      operation: "sample",
      reason: `the policy scored ${scores.length} of ${broken.length} texts, or one of them in part: expected a ` +
        `log-probability for each of the ${odd.tokens.length} tokens of ${JSON.stringify(odd.completion.text)}`
    })
  }
  const count = broken.reduce((sum, text) => sum + text.tokens.length, 0)
  const held = broken.map(({ completion, prompt, tokens: own }, i) => {
    const logprobs = scores[i] ?? new Float32Array(own.length)
    const last = own.length - 1
    const p = Math.exp(logprobs[last] ?? 0)
    const rest = Math.max(1 / steepest, 1 - p)
    const rollout: Rollout = {
      prompt,
      completion: { ...completion, tokens: own, logprobs },
      scored: true,
      // The objective's mean is over tokens of broken texts alone.
      advantage: -weight * count / tokens,
      importance: Float32Array.from(own, (_, k) => k < last ? 0 : p / rest)
    }
    return { rollout, loss: -Math.log(rest) }
  })
  const made: ByDraws = {
    objective: Objective.GroupRelative({
      rollouts: held.map(({ rollout }) => rollout),
      loss: "dapo",
      // By the weights that are scored every ratio is 1: nothing is clipped.
      clip: { low: 0.2, high: 0.2 },
      kl: 0,
      innerUpdates: 1,
      maxTokens: 1
    }),
    figures: {
      format: held.reduce((sum, { loss }) => sum + loss, 0) / tokens,
      left: broken.length / texts.length
    },
    tokens
  }
  return made
})
