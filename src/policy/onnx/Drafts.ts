/** What an objective learns from, as drafts: tokens with their weights and what else the loss needs to know of each. */
import { Distance, Walk } from "../../kernels/generate/index.ts"
import { pictureKey } from "../PictureKey.ts"
import type { FormatLoss, FormatStats, Prompt, Rollout, SupervisedExample } from "../Policy.ts"
import { weightOf } from "./Auxiliary.ts"
import type { PolicyContext } from "./Context.ts"
import * as GrammarTables from "./GrammarTables.ts"
import type { Draft } from "./PackedBatches.ts"
import type { ScoredToken } from "./PackedSequences.ts"

/** Scored tokens of a completion, under the grammar that it was sampled under. */
export const scored = (
  { model: { ends } }: Pick<PolicyContext, "model">,
  tokens: Int32Array,
  constraint: GrammarTables.Constraint,
  value: (i: number) => Omit<ScoredToken, "token" | "state" | "left">
): ReadonlyArray<ScoredToken> => {
  const { left, states } = GrammarTables.trace(constraint, ends, tokens)
  return Array.from(tokens, (token, i) => (
    { token, state: states[i] ?? 0, left: left[i] ?? Distance.Need.unlimited, ...value(i) }
  ))
}

const samePrompt = (a: Prompt, b: Prompt): boolean =>
  a === b ||
  a.text === b.text && a.images.length === b.images.length && a.images.every((image, i) => {
      const other = b.images[i]
      return image === other || other !== undefined && pictureKey(image) === pictureKey(other)
    })

/** Neighbours with the same prompt share one packed sequence. */
export const packed = (
  rollouts: ReadonlyArray<Pick<Rollout, "prompt" | "grammar" | "temperature">>,
  candidates: ReadonlyArray<ReadonlyArray<ScoredToken>>
): ReadonlyArray<Draft> => {
  const drafts: Array<Draft & { readonly candidates: Array<ReadonlyArray<ScoredToken>> }> = []
  rollouts.forEach(({ grammar, prompt, temperature = 1 }, i) => {
    const last = drafts.at(-1)
    const candidate = candidates[i] ?? []
    const same = last !== undefined && samePrompt(last.prompt, prompt) && last.grammar === grammar &&
      last.temperature === temperature
    if (same) last.candidates.push(candidate)
    else drafts.push({ prompt, candidates: [candidate], grammar, temperature })
  })
  return drafts
}

/** Weighted target tokens of supervised examples, weights scaled to sum to 1 over the batch. */
export const supervisedDrafts = (context: PolicyContext, examples: ReadonlyArray<SupervisedExample>) => {
  const { model } = context
  const targets = examples.map(({ target }) => {
    const parts = target.map(({ text, weight }) => ({ tokens: model.encoder.text(text), weight }))
    const tokens = Int32Array.from([...parts.flatMap((part) => [...part.tokens]), model.endOfTurn])
    const last = parts.at(-1)?.weight ?? 1
    return { tokens, weights: [...parts.flatMap((part) => Array.from(part.tokens, () => part.weight)), last] }
  })
  const beside = examples.flatMap(({ auxiliary = [] }) => auxiliary.map(weightOf))
  const total = targets.reduce((n, { weights }) => n + weights.reduce((m, w) => m + w, 0), 0) +
    beside.reduce((a, b) => a + b, 0)
  const scale = total > 0 ? 1 / total : 0
  return examples.map(({ auxiliary, grammar, prompt }, i): Draft => ({
    prompt,
    grammar,
    temperature: 1,
    candidates: [scored(context, targets[i]?.tokens ?? new Int32Array(0), { grammar }, (k) => (
      { weight: (targets[i]?.weights[k] ?? 0) * scale, advantage: 0, oldLogprob: 0 }
    ))],
    ...(auxiliary && { auxiliary: auxiliary.map((target) => ({ ...target, weight: target.weight * scale })) })
  }))
}

/**
 * Texts under a format loss, as drafts whose weights sum to the loss's, and what can be said of it once the loss is
 * known.
 */
export interface FormatDrafts {
  readonly drafts: ReadonlyArray<Draft>
  /** @param loss of the drafts, weighted */
  readonly stats: (loss: number) => { readonly format?: FormatStats }
}

/** Each text up to the first token that leaves its grammar. */
export const formatDrafts = (context: Pick<PolicyContext, "model">, format: FormatLoss | undefined): FormatDrafts => {
  if (format === undefined || format.weight === 0 || format.texts.length === 0) return { drafts: [], stats: () => ({}) }
  const texts = format.texts.map((text) => ({ ...text, ...Walk.within(text.grammar, text.tokens) }))
  const count = texts.reduce((n, { tokens }) => n + tokens.length, 0)
  const weight = format.weight / Math.max(1, count)
  const tokens = texts.map(({ grammar, tokens }) =>
    scored(context, tokens, { grammar }, () => ({ weight, advantage: 0, oldLogprob: 0 }))
  )
  const left = texts.filter((text) => text.left).length / texts.length
  return {
    drafts: packed(texts, tokens).map((draft) => ({ ...draft, underFormatLoss: true })),
    stats: (loss) => ({ format: { loss: loss / format.weight, left, tokens: count } })
  }
}
