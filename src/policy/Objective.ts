/** What an update minimises: weighted likelihood of given texts, or a group-relative loss over drawn ones. */
import { Data } from "effect"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import type { Completion, Prompt } from "./Completion.ts"

/** A piece of a supervised target and the weight of each of its tokens in the loss. */
export interface TargetSegment {
  readonly text: string
  readonly weight: number
}

/** Tokens that hidden states are to predict beside the next one: an auxiliary loss. */
export interface Auxiliary {
  /**
   * Token ids to predict. An array: at the visual tokens of the prompt's first image, in order (-1: none there). A map:
   * wherever a token of its keys stands, in prompt or target, the token it maps to.
   */
  readonly tokens: Int32Array | ReadonlyMap<number, number>
  /** Loss weight of each. */
  readonly weight: number
  /**
   * The decoder layer, counted from 1, whose output predicts them. Default: the last. An inner one has to know early
   * what later layers are to work with (deep supervision, Lee et al. 2015).
   */
  readonly layer?: number
}

/** A prompt with the answer that is to be learned. */
export interface SupervisedExample {
  readonly prompt: Prompt
  /** Concatenated into the assistant turn; the end-of-turn token takes the last segment's weight. */
  readonly target: ReadonlyArray<TargetSegment>
  /** Losses beside that of the target. */
  readonly auxiliary?: ReadonlyArray<Auxiliary>
  /** The grammar its target tokens are scored under; the same one that decoding uses. */
  readonly grammar?: Grammar | undefined
}

/**
 * A text along which the probability of leaving a grammar is held down: −log of the mass that the grammar allows, up to
 * the first token that it does not (the semantic loss of Xu et al. 2018). It needs no label: any text that a policy
 * wrote tells where that policy would break the format.
 *
 * Where a text may go on or end, the end is not counted as allowed mass: "joy 60" may go on with a space or end the
 * turn, and a policy rewarded for both would learn to end early, which never breaks a format. A token that leads to
 * saying nothing (`Grammar.nothing`) is not counted either, where something can be said.
 *
 * The grammar is the format in its plainest spelling. White space that a reader forgives lies outside of it.
 */
export interface FormatText {
  readonly prompt: Prompt
  /** Token ids of the text, as it was sampled. */
  readonly tokens: Int32Array
  /** The grammar that it should not leave. */
  readonly grammar: Grammar
}

/**
 * A format loss beside an objective: the mean over the texts' tokens, times `weight`. Neighbours with one prompt are
 * computed together.
 */
export interface FormatLoss {
  /** The texts it is computed along. */
  readonly texts: ReadonlyArray<FormatText>
  /** Its factor beside the objective's own loss. */
  readonly weight: number
}

/** A completion with its group-relative advantage, scored as it was sampled. */
export interface Rollout {
  readonly prompt: Prompt
  readonly completion: Completion
  /** Advantage of every token of the completion. */
  readonly advantage: number
  /** Temperature of the draw. Default 1. */
  readonly temperature?: number
  /** The grammar of the draw, if there was one. */
  readonly grammar?: Grammar | undefined
  /** The `maxTokens` of a draw under a grammar: its log-probabilities hold within that. Default: no limit. */
  readonly maxTokens?: number | undefined
  /**
   * Factor of each token's advantage, from 0: the importance weights of a draw that another policy made
   * (`Policy.split`). Default: 1 each.
   */
  readonly importance?: Float32Array | undefined
  /**
   * Whether the completion's log-probabilities are those of the weights that learn (`Session.logprobs`), whoever wrote
   * the text: there is no other policy's draw to make good. Default: no.
   */
  readonly scored?: boolean
}

/** How a group-relative loss averages the losses of tokens. */
export const groupLosses = ["grpo", "dr_grpo", "dapo"] as const
/** One of `groupLosses`. */
export type GroupLoss = typeof groupLosses[number]

/** What `update` minimises. */
export type Objective = Data.TaggedEnum<{
  /** Weighted negative log-likelihood, averaged over weights. Eq. 8. */
  Supervised: {
    readonly examples: ReadonlyArray<SupervisedExample>
    readonly format?: FormatLoss
  }
  /**
   * GRPO family over live groups (dead groups are left out by the caller). Eq. 7 and 10. Rollouts may be none beside a
   * format loss.
   */
  GroupRelative: {
    readonly rollouts: ReadonlyArray<Rollout>
    /** grpo: mean over sequences of the token mean; dr_grpo: token sum over a constant length; dapo: token mean. */
    readonly loss: GroupLoss
    readonly clip: { readonly low: number; readonly high: number }
    /** β of the k3 KL estimate to the reference; 0 skips the reference pass. */
    readonly kl: number
    /** μ: updates from the same rollouts. */
    readonly innerUpdates: number
    /** Constant length of dr_grpo, in tokens. */
    readonly maxTokens: number
    readonly format?: FormatLoss
  }
}>
/** Makes objectives, and matches them (`Objective.$match`). */
export const Objective = Data.taggedEnum<Objective>()
