/** What a split policy is made of. */
import type { Layer } from "effect"
import * as Rules from "../../kernels/math/Rules.ts"
import type { Policy } from "../Policy.ts"

const { above, any, record, text, whole } = Rules

/** How the sampler is told of new weights: by adapter directories in PEFT's format. */
export interface Pushing {
  /** A folder that this process writes and the sampler's servers read. */
  readonly directory: string
  /** The same folder as the servers see it. Default: as it is here. */
  readonly served?: string
  /** Updates between two of them. At most staleness + 1. Default 1. */
  readonly every?: number
}

/** A policy that draws and one that learns. */
export interface Options<E = never, E2 = never> {
  /** Draws: `Policy.openai({ … })` of a vLLM with the trainer's base model, which tells token ids. */
  readonly sampler: Layer.Layer<Policy, E>
  /** Learns and scores: `Policy.onnx({ …, lora })`, `Policy.tinker({ … })`. */
  readonly trainer: Layer.Layer<Policy, E2>
  /** Default: nothing is pushed; the sampler keeps its weights. */
  readonly adapters?: Pushing
  /** k: rollouts drawn more than so many updates ago are left out, and counted. Default 1. */
  readonly staleness?: number
  /** C: the largest importance weight (`Importance`). Default 2. */
  readonly truncation?: number
}

export const defaults = { staleness: 1, truncation: 2, every: 1 } as const

export const rules: Rules.Table = {
  sampler: any,
  trainer: any,
  adapters: record("a record such as { directory: \"/shared/adapters\" }"),
  "adapters.directory": text("a folder"),
  "adapters.served": text("a folder"),
  "adapters.every": whole(1, 2 ** 20),
  staleness: whole(0, 2 ** 20),
  truncation: above(0)
}
