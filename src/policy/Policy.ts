/**
 * The model under training: inference sessions pinned to one weight version, and updates that publish the next.
 *
 * Knows nothing of tasks or stages. Engines provide it: `OnnxPolicy`, which trains here; `TinkerPolicy`, which trains
 * over the network; `OpenAiPolicy`, which is asked; `SplitPolicy`, which draws at one and trains at another.
 */
import { Context, type Effect, type Option, type Schema, type Scope } from "effect"
import type { Grammar } from "../kernels/generate/Grammar.ts"
import type { Image } from "../kernels/image/Image.ts"
import type { ImageError } from "../kernels/image/index.ts"
import type { Completion, Prompt, SampleOptions, SampleRequest } from "./Completion.ts"
import type { Objective } from "./Objective.ts"
import type { PolicyError } from "./PolicyError.ts"
import type { UpdateOptions, UpdateStats } from "./Update.ts"

export * from "./Completion.ts"
export * from "./Objective.ts"
export * from "./PolicyError.ts"
export * from "./Update.ts"

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
   * Reads a picture ahead of its request, while the model computes: pixels at the size that the model takes, or the
   * picture itself where an engine would resample these. Either gives the same completions. Absent where pictures are
   * sent as they are.
   */
  readonly prepare?: (image: Image) => Effect.Effect<Prepared, ImageError>
  /** One array of `count` completions per request, in order. */
  readonly sample: (
    requests: ReadonlyArray<SampleRequest>,
    options: SampleOptions
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Completion>>, PolicyError>
  /**
   * Token ids of a text, where the tokenizer is not here but the server can be asked: what `logprobs` takes. No control
   * token is read in it, none is added. Absent where `Policy.tokenizer` does it, or nobody can.
   */
  readonly encode?: (text: string) => Effect.Effect<Int32Array, PolicyError>
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

/**
 * What some engines cannot do: hold texts to a grammar, format losses, score at a temperature, a KL penalty, an entropy
 * bonus; be trained at all, so that there is nothing to save either.
 */
export type Limit = "grammar" | "format" | "temperature" | "kl" | "entropy" | "training"

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
