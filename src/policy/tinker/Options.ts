/** What a policy at an engine is made of. */
import type { Duration, Layer } from "effect"
import type { AdamW } from "../../kernels/train/index.ts"
import * as Endpoint from "../http/Endpoint.ts"
import type { Policy, PolicyError } from "../Policy.ts"
import type { Exact } from "./Exact.ts"
import type { Pictures } from "./Prompts.ts"
import type { Limits } from "./Transport.ts"

/** An engine, and how it is asked. */
export interface Options extends Limits {
  /** Without `/api/v1`: `http://localhost:8000`. */
  readonly baseUrl: string
  /** Sent as `X-API-Key` and as a bearer token; engines of one's own need none. A string is taken, too. */
  readonly apiKey?: Endpoint.Key
  /** The base model, as the engine calls it. */
  readonly model: string
  /** A Hugging Face directory with the model's tokenizer, chat template and image processor; it needs no weights. */
  readonly tokenizer: string
  /** Seeds of draws, waits and of the adapter's first values are keyed by it. */
  readonly seed: number
  /** Rank of the adapter. 0 trains all weights, where the engine does. Default 32. */
  readonly rank?: number
  /**
   * What a KL penalty holds on to. "stage": the weights that a stage began with, kept at the engine. A policy: a second
   * engine that scores given tokens, such as vLLM with the base model. Default: nothing; `kl` has to be 0 then.
   */
  readonly reference?: "stage" | Layer.Layer<Policy, PolicyError> | undefined
  /** Decay rates of the optimiser, where the engine takes them. Default 0.9, 0.999, 1e-8. */
  readonly optimizer?: AdamW.Options
  /** How pictures are sent; "none": texts alone, to a model that reads no pictures. Default: lossless. */
  readonly images?: Pictures | "none"
  /**
   * Whether `save` writes the model whole, the adapter merged into the base: `tokenizer` has to hold the base model's
   * weights too. Default false: the adapter alone.
   */
  readonly merge?: boolean
  /** Find out first whether the engine takes pictures and what it divides losses by. Default true. */
  readonly probe?: boolean
  /** Requests for texts under way at a time; more than the engine draws at once. Default 128. */
  readonly concurrency?: number
  /** Between two signs of life. Default 10 seconds. */
  readonly heartbeat?: Duration.Input
  /** Longest wait for the result of one request. Default 30 minutes. */
  readonly patience?: Duration.Input
  /** Updates that are kept here, to be made again should the engine lose them, before a state is saved. Default 16. */
  readonly kept?: number
}

/** What an engine was found to do. */
export interface Capabilities {
  /** Names of base models that it serves; empty where it does not say. */
  readonly models: ReadonlyArray<string>
  /** What it divides a loss by, in words; undefined: it tells no gradient norm, and a sum is taken for granted. */
  readonly normaliser: string | undefined
  /** Whether pictures reach the model; undefined: the tokenizer is of a model that reads none. */
  readonly pictures: boolean | undefined
  /**
   * Losses of its own ("cross_entropy", "ppo") that were measured to have our gradients: an update through them needs
   * no forward pass before it.
   */
  readonly losses: ReadonlyArray<Exact>
  /** Sequences and bytes of the largest part of an update that it takes in one request. */
  readonly request: { readonly data: number; readonly bytes: number }
}

const expected = {
  example: "an address such as http://localhost:8000",
  noQuery: "none; give a key as apiKey"
}

/** What is wrong with an address or a key, in words. */
export const checkOptions = ({ apiKey, baseUrl }: Pick<Options, "apiKey" | "baseUrl">): string | undefined =>
  Endpoint.checkAddress(baseUrl, expected) ?? Endpoint.checkKey(apiKey, "apiKey")
