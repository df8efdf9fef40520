/** What a live policy is made of. */
import type { Precision } from "../../kernels/models/index.ts"
import type { AdamW } from "../../kernels/train/index.ts"
import type * as Adapter from "./Adapter.ts"
import type { Workload } from "./MemoryPlan.ts"
import type { Decode, Trainable } from "./Settings.ts"

/** A model, and how it is sampled and trained. */
export interface Options {
  /** A Hugging Face directory. */
  readonly model: string
  /** Seed of every draw, together with the key of each request. */
  readonly seed: number
  /**
   * A low-rank adapter, trained instead of the model's own weights, which stay frozen and are shared with the
   * reference. Snapshots and checkpoints then hold the adapter alone.
   */
  readonly lora?: Adapter.Options
  /**
   * Default "decoder": the vision tower is frozen and its visual tokens are computed once per image. "none": the policy
   * is sampled and scored, never updated.
   */
  readonly trainable?: Trainable
  /**
   * Reads frozen weights (`lora`, or `trainable: "none"`) from a file that all sessions map, instead of holding them in
   * memory: the model's own where it is float32, else a float32 copy in the cache, written once. Default, on a CPU:
   * from 400 million weights on.
   */
  readonly mapWeights?: boolean
  /**
   * Rounds the linear layers of a frozen model to 8 bits, or the decoder's to 4 and the vision tower's to 8, for
   * rollouts, scoring and training alike; in blocks of 32 with a scale each. Only on a CPU. `save` still writes full
   * precision.
   */
  readonly quantize?: Precision.Rounded
  /**
   * Folder for copies of weights that sessions map. Default: RISE_CACHE of the environment, or the system's folder for
   * caches.
   */
  readonly cache?: string
  /** Sequences a worker trains on at a time: half of 16 takes a fifth off the memory, and no longer. Default 8. */
  readonly microBatch?: number
  /**
   * Tokens a worker trains on at a time, padding included: the knob for memory. Batches get fewer sequences, and a
   * group that is longer with its prompt is cut. Default 16384.
   */
  readonly microTokens?: number
  /**
   * Keep only each layer's input for the backward pass and compute the layer again (gradient checkpointing, Chen et al.
   * 2016): the same gradients, a fraction of the memory, a forward pass more. Default false.
   */
  readonly recompute?: boolean
  /** Prompts × candidates a worker decodes at a time. Default 128. */
  readonly rolloutRows?: number
  /**
   * One graph for a whole rollout, or one run a token with its state on the device; the tokens are the same. Default:
   * what the device does well, "step" on webgpu and "loop" elsewhere.
   */
  readonly decode?: Decode
  /**
   * Least and greatest number of weights that rollouts prepack into their sessions instead of reading them live;
   * default 8 to 400 million. Prepacked, a 27M model decodes 1.4 times as fast, for a copy of the weights on each
   * worker and 0.2 s after every update. (Decoding in steps never prepacks.)
   */
  readonly packFrom?: readonly [number, number]
  /** AdamW's β1, β2 and ε. Default 0.9, 0.999 and 1e-8. */
  readonly optimizer?: AdamW.Options
  /**
   * Refuses to load, before any weight is read, when a training step like this one would hold more than `limit` bytes;
   * the error says how much it would be and which option to change.
   */
  readonly plan?: Pick<Workload, "entropy" | "group" | "newTokens" | "promptTokens" | "prompts" | "visualTokens"> & {
    readonly limit: number
  }
}
