/**
 * The model under training: inference sessions pinned to one weight version, and updates that publish the next.
 *
 * Knows nothing of tasks or stages. Engines provide it: `OnnxPolicy`, which trains, and `OpenAiPolicy`, which is asked.
 */
import { Context, Data, type Effect, type Option, Schema, type Scope } from "effect"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import type { Image } from "../kernels/image/Image.ts"
import type { ImageError } from "../kernels/image/index.ts"

/** What the policy could not do, and why. */
export class PolicyError extends Schema.TaggedError<PolicyError>()("PolicyError", {
  /** What was being done. */
  operation: Schema.Literals(["load", "sample", "logprobs", "update", "save", "checkpoint", "restore"]),
  /** What went wrong, and what can be done. */
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `policy ${this.operation}: ${this.reason}`
  }
}

/** One user turn: images first, then text. The policy renders it with the model's chat template. */
export interface Prompt {
  /** Pictures, before the text. */
  readonly images: ReadonlyArray<Image>
  /** What is asked, without chat template. */
  readonly text: string
}

/** A sampled continuation. */
export interface Completion {
  /** Decoded text, without the token that ended the turn. */
  readonly text: string
  /**
   * Sampled token ids; the one that ended the turn is included when it was reached. A remote server's are -1 where it
   * does not tell.
   */
  readonly tokens: Int32Array
  /**
   * Log-probability in nats of each token under exactly the distribution it was drawn from; empty where a remote server
   * gives none.
   */
  readonly logprobs: Float32Array
  /**
   * "stop": the turn was ended; "length": it was cut at `maxTokens`, or, under a grammar, closed on the way there.
   */
  readonly finish: "stop" | "length"
  /** Why there is no text, where a remote server refused or left it out. */
  readonly fault?: string
  /** Where the request itself was refused, as far as can be told for what it holds. */
  readonly refused?: PolicyError
  /** What was thought before the text, where a remote server keeps it apart. */
  readonly reasoning?: string
  /**
   * Characters of `text` up to the end of each token, as far as they can be told: a remote server's tokenizer is not
   * here.
   */
  readonly ends?: Int32Array
  /** Tokens of the prompt, those of its pictures included; absent where a remote server does not tell. */
  readonly promptTokens?: number
}

/** How a session draws completions. */
export interface SampleOptions {
  /** Candidates per prompt; they share the prompt's prefill. */
  readonly count: number
  /**
   * Longest completion, in tokens. Under a grammar every completion ends within it: only tokens whose shortest way to
   * the end fits into what is left are drawn, and free text stops early enough for what follows it.
   */
  readonly maxTokens: number
  /** 0 is greedy. Default 1. */
  readonly temperature?: number
  /** Nucleus mass in (0, 1]. Default 1; anything below cannot be trained on. */
  readonly topP?: number
  /** Tokens the sampler may choose from, as an automaton. Log-probabilities are renormalised under it. */
  readonly grammar?: Grammar | undefined
}

/** A prompt and the key of its random draws: same run seed and key, same uniforms, whatever else is in the batch. */
export interface SampleRequest {
  readonly prompt: Prompt
  /** Unique within a run; the same key draws the same. */
  readonly key: string
}

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

/** Settings of one AdamW step. */
export interface UpdateOptions {
  /** Learning rate of this step. */
  readonly learningRate: number
  /** Default 0.1; norms and biases are spared. */
  readonly weightDecay?: number
  /** Global gradient norm above which gradients are scaled down. Default 1. */
  readonly clipNorm?: number
}

/** Figures of a format loss. */
export interface FormatStats {
  /** Mean over the texts' tokens, nats, before it is weighted. */
  readonly loss: number
  /** Share of the texts that left their grammar. */
  readonly left: number
  /** Tokens of the texts, up to where each left. */
  readonly tokens: number
}

/** What had to be made good of rollouts that another policy drew (`Policy.split`). */
export interface CorrectionStats {
  /** Rollouts that were left out: too old, or impossible for the policy that learns. */
  readonly dropped: number
  /** Mean importance weight of the tokens that were learned from, after truncation. */
  readonly importance: number
  /** Share of those tokens whose weight was truncated. */
  readonly truncated: number
  /** Mean of |log π(trainer) − log π(sampler)| over those tokens, in nats. */
  readonly gap: number
}

/** Figures of one update. */
export interface UpdateStats {
  /** Version of the new weights. */
  readonly version: number
  /** Of everything that was minimised, a format loss with its weight included. */
  readonly loss: number
  /** Global norm before clipping. */
  readonly gradNorm: number
  /** Mean k3 estimate in nats per token; 0 without a reference. */
  readonly kl: number
  /** Share of tokens whose ratio was clipped. */
  readonly clipFraction: number
  /** Tokens that carried the objective's own loss. */
  readonly tokens: number
  /** Of a format loss beside the objective. */
  readonly format?: FormatStats
  /** Of rollouts that another policy drew. */
  readonly correction?: CorrectionStats
}

/** A picture that was read ahead of its request. */
export interface Prepared {
  /** Takes the picture's place in prompts, under the same id. */
  readonly image: Image
  /** Of the picture as it is stored, in pixels, orientation applied. */
  readonly width: number
  /** Of the picture as it is stored, in pixels, orientation applied. */
  readonly height: number
}

/** Inference pinned to one weight version. */
export interface Session {
  /** Version of the weights. */
  readonly version: number
  /** How many requests may be under way where each is asked by itself; absent where they are computed together. */
  readonly oneByOne?: number
  /**
   * Reads a picture ahead of its request, while the model computes: pixels at the size that the model takes, which give
   * the same completions as the picture itself. Absent where pictures are sent as they are.
   */
  readonly prepare?: (image: Image) => Effect.Effect<Prepared, ImageError>
  /** One array of `count` completions per request, in order. */
  readonly sample: (
    requests: ReadonlyArray<SampleRequest>,
    options: SampleOptions
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Completion>>, PolicyError>
  /** Per-token log-probabilities of given tokens, under the temperature, grammar and `maxTokens` of their draw. */
  readonly logprobs: (
    items: ReadonlyArray<{
      readonly prompt: Prompt
      readonly tokens: Int32Array
      readonly temperature?: number
      readonly grammar?: Grammar | undefined
      readonly maxTokens?: number | undefined
    }>
  ) => Effect.Effect<ReadonlyArray<Float32Array>, PolicyError>
}

/**
 * Weights kept aside, to come back to: what model selection needs. What is in it is the engine's.
 */
export interface Snapshot {
  /** Version of the weights that it holds, within this process. */
  readonly version: number
}

/** How a policy writes text as tokens. */
export interface Tokenizer {
  /** Token ids of a text, without special tokens of the chat template: what grammars are compiled with. */
  readonly encode: (text: string) => Int32Array
  /** The text of token ids, control tokens included. Absent where ids stand for nothing that can be spelled. */
  readonly decode?: (tokens: ArrayLike<number>) => string
  /** Number of token ids. */
  readonly vocabularySize: number
  /** What targets and grammars end with. Where a model stops at further tokens, those are among `specials`. */
  readonly endOfTurn: number
  /** Control tokens, and ids that stand for nothing: what free text never holds. */
  readonly specials: ReadonlySet<number>
}

/** What some engines cannot do: hold texts to a grammar, format losses, score at a temperature, a KL penalty. */
export type Limit = "grammar" | "format" | "temperature" | "kl"

/** The contract of every engine: a model that is sampled, scored and, unless it is remote, trained. */
export class Policy extends Context.Service<Policy, {
  /** Opens a session on the current weights; closing the scope closes it. */
  readonly session: Effect.Effect<Session, PolicyError, Scope.Scope>
  /** Fresh optimiser moments and the current weights as the KL reference: called once where a training stage starts. */
  readonly beginStage: Effect.Effect<void, PolicyError>
  /**
   * Lets moments and reference go: called once where a training stage has ended, so that a checkpoint holds nothing but
   * weights.
   */
  readonly endStage: Effect.Effect<void, PolicyError>
  /**
   * Refused while a session is open: rollouts stay on-policy. Where a loss or a gradient is not finite it fails before
   * weights or moments are changed, with a `NotFinite` as cause; of several inner updates those before it stand.
   */
  readonly update: (objective: Objective, options: UpdateOptions) => Effect.Effect<UpdateStats, PolicyError>
  /** Keeps the current weights aside. */
  readonly snapshot: Effect.Effect<Snapshot, PolicyError>
  /** Back to the weights of a snapshot of this engine, with fresh moments. Refused while a session is open. */
  readonly revert: (snapshot: Snapshot) => Effect.Effect<void, PolicyError>
  /**
   * Writes a snapshot of this engine into a directory, as `checkpoint` does the live state: the selection of a stage
   * outlives its process.
   */
  readonly saveSnapshot: (snapshot: Snapshot, directory: string) => Effect.Effect<void, PolicyError>
  /** The snapshot that was written there. */
  readonly loadSnapshot: (directory: string) => Effect.Effect<Snapshot, PolicyError>
  /**
   * Writes into a directory everything that is needed to go on as if nothing had stopped: what training changes
   * (weights or adapter), optimiser moments and step count, the KL reference of the stage. Atomically; an earlier
   * checkpoint there is replaced. The same state gives the same bytes.
   */
  readonly checkpoint: (directory: string) => Effect.Effect<void, PolicyError>
  /** Goes on where `checkpoint` was called, in this process or another. Refused while a session is open. */
  readonly restore: (directory: string) => Effect.Effect<void, PolicyError>
  /** Writes a Hugging Face directory, atomically. */
  readonly save: (directory: string) => Effect.Effect<void, PolicyError>
  /**
   * What run.json records of the engine: the model and what is trained of it. A run resumes only under the same.
   */
  readonly identity: Readonly<Record<string, Schema.Json>>
  /**
   * What this engine cannot do, with the reason and what to do instead: settings that ask for it are refused before the
   * first step. Absent: all of it.
   */
  readonly unable?: Partial<Readonly<Record<Limit, string>>>
  /** None where a server keeps its tokens to itself: nothing can be held to a grammar there. */
  readonly tokenizer: Option.Option<Tokenizer>
  /**
   * What grammars are written in where a server holds texts to their regular expressions: bytes, for its tokens are not
   * here. Absent: the tokens of `tokenizer`.
   */
  readonly spelling?: Tokenizer | undefined
}>()("rise/Policy") {}
