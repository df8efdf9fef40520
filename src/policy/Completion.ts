/** What a model is asked, and what it writes: prompts, draws and their settings. */
import type { Grammar } from "../kernels/generate/Grammar.ts"
import type { Image } from "../kernels/image/Image.ts"
import type { PolicyError } from "./PolicyError.ts"

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

/** A token that has just been drawn. */
export interface Drawn {
  /** Which of the request's candidates it belongs to. */
  readonly candidate: number
  /** Its place in that candidate, from 0. */
  readonly at: number
  readonly token: number
  /** In nats, as in the completion. */
  readonly logprob: number
}

/** A prompt and the key of its random draws: same run seed and key, same uniforms, whatever else is in the batch. */
export interface SampleRequest {
  readonly prompt: Prompt
  /** Unique within a run; the same key draws the same. */
  readonly key: string
  /**
   * Told of every token as it is drawn, by engines that decode here: one token a run, with the same draws. After a
   * fault the first tokens may be told once more.
   */
  readonly listen?: (drawn: Drawn) => void
}
