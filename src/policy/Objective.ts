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

/** Group-relative losses, by the names of their papers. */
export const groupLosses = ["grpo", "dr_grpo", "dapo", "gspo", "cispo", "sapo"] as const
/** One of `groupLosses`. */
export type GroupLoss = typeof groupLosses[number]

/** Estimators of the KL penalty. */
export const klEstimators = ["k3", "k1", "k3-corrected"] as const
/** One of `klEstimators`. */
export type KlEstimator = typeof klEstimators[number]

/** Temperatures of SAPO's gate: where the advantage is above 0, and elsewhere. */
export interface Gate {
  readonly positive: number
  readonly negative: number
}
/** Those of its paper. */
export const sapoGate: Gate = { positive: 1, negative: 1.05 }

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
    /**
     * Clipped ratios of tokens, averaged: grpo: mean over sequences of the token mean; dr_grpo: token sum over a
     * constant length; dapo: token mean. gspo: as grpo, with one ratio for all tokens of a sequence (Zheng et al. 2025,
     * arXiv 2507.18071). cispo: the clipped ratio as a weight of log π, token mean (MiniMax 2025, arXiv 2506.13585).
     * sapo: a gate instead of bounds, averaged as grpo (Gao et al. 2025, arXiv 2511.20347).
     */
    readonly loss: GroupLoss
    /** ε of the ratio, below and above 1; sapo has no bounds. */
    readonly clip: { readonly low: number; readonly high: number }
    /** Temperatures of sapo's gate. Default 1 and 1.05. */
    readonly gate?: Gate | undefined
    /** β of the KL penalty to the reference; 0 skips the reference pass. */
    readonly kl: number
    /**
     * How it is estimated. k3: e^g − g − 1 with g = log reference − log π; k1: −g, and k3-corrected: k3, each times the
     * ratio, so that the gradient is that of the divergence. Default "k3".
     */
    readonly klEstimator?: KlEstimator | undefined
    /** What the mean entropy of the tokens' distributions is paid with, whatever the loss averages. Default 0. */
    readonly entropy?: number | undefined
    /** Leaves completions that were cut off (`finish: "length"`) out of the loss, as if all their tokens weighed 0. */
    readonly maskTruncated?: boolean | undefined
    /** μ: updates from the same rollouts. */
    readonly innerUpdates: number
    /** Constant length of dr_grpo, in tokens. */
    readonly maxTokens: number
    readonly format?: FormatLoss
  }
}>
/** A group-relative objective. */
export type GroupRelative = Data.TaggedEnum.Value<Objective, "GroupRelative">
/** Makes objectives, and matches them (`Objective.$match`). */
export const Objective = Data.taggedEnum<Objective>()
