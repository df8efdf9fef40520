/**
 * What flows between the steps of the closed loop: one sample, the G chains drawn for it and what became of each.
 */
import type { Completion, Prompt, Rollout } from "../policy/Policy.ts"
import type { Verdict } from "./Reward.ts"
import type { Sample } from "./Task.ts"

/** A completion with everything that scoring it again under the same distribution takes. */
export type Draw = Omit<Rollout, "advantage">

/** R_g: one chain of thought. */
export interface Reasoned {
  readonly reasoning: Draw
}

/** Â_g: the annotation that was written from image and chain alone. */
export interface Reconstructed extends Reasoned {
  readonly reconstruction: Draw
}

/** r_g: what the chain earned (eq. 1), and why. */
export interface Validated extends Reconstructed {
  readonly reward: number
  readonly verdict: Verdict
}

/** The candidates of one sample. `Group<A, Validated>` is what GRPO normalises over. */
export interface Group<out A, out C> {
  readonly sample: Sample<A>
  readonly candidates: ReadonlyArray<C>
}

/** A row of D_RISE: a sample, its best chain and that chain's reward. */
export interface Explained<out A> {
  readonly sample: Sample<A>
  readonly reasoning: string
  readonly reward: number
  /** Weight as a lesson, above 0. Default 1. */
  readonly weight?: number
}

/** The target of supervised fine-tuning: a sample, and the chain to think before answering, if there is one. */
export interface Lesson<out A> {
  readonly sample: Sample<A>
  readonly reasoning?: string
  /** Weight of all its tokens in the loss, above 0. Default 1. */
  readonly weight?: number
}

/** A draw as GRPO takes it. */
export const rollout = (draw: Draw, advantage: number): Rollout => ({ ...draw, advantage })

/** Fields by name: thousands of draws are made a second, and a spread costs more than the rest of one. */
export const draw = (
  prompt: Prompt,
  completion: Completion,
  { grammar, maxTokens, temperature }: Pick<Draw, "grammar" | "maxTokens"> & Required<Pick<Draw, "temperature">>
): Draw => ({ prompt, completion, temperature, grammar, maxTokens })

const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/** The mean over all candidates of all groups: what a training step reports. */
export const meanReward = <A>(groups: ReadonlyArray<Group<A, { readonly reward: number }>>): number =>
  mean(groups.flatMap((group) => group.candidates.map((candidate) => candidate.reward)))

/** The candidate with the highest reward; the first of them where several tie, so that a run repeats. */
export const best = <C extends { readonly reward: number }>(candidates: ReadonlyArray<C>): C | undefined =>
  candidates.reduce<C | undefined>(
    (kept, candidate) => kept === undefined || candidate.reward > kept.reward ? candidate : kept,
    undefined
  )
