/** What the engine of the tests computes with. */
import { Data, type Effect } from "effect"
import type { AdamW } from "../../../src/kernels/train/index.ts"
import type { SampleOptions } from "../../../src/policy/index.ts"
import type { Chunk, Datum, Sequence } from "../../../src/policy/tinker/Wire.ts"

export class BackendError extends Data.TaggedError("BackendError")<{ readonly message: string }> {}

/** Weights and moments of one model. */
export interface Held {
  readonly weights: Float32Array
  readonly moments: AdamW.State
}

/** What passes have left behind, and what their sum is divided by. */
export interface Accumulated {
  readonly gradients: ReadonlyArray<Float32Array>
  readonly by: number
}

export interface Backend {
  readonly fresh: Held
  readonly forward: (held: Held, data: ReadonlyArray<Datum>) => Effect.Effect<ReadonlyArray<Float32Array>, BackendError>
  /** Gradient of the sum over data and tokens, each datum's times its factor. To be read alone: others may hold it. */
  readonly backward: (
    held: Held,
    data: ReadonlyArray<Datum>,
    loss: { readonly lossFn: string; readonly config: Readonly<Record<string, number>> },
    factors: ReadonlyArray<number>
  ) => Effect.Effect<Float32Array, BackendError>
  readonly optimise: (
    held: Held,
    accumulated: Accumulated,
    options: AdamW.StepOptions
  ) => Effect.Effect<{ readonly held: Held; readonly gradNorm: number }, BackendError>
  readonly sample: (
    weights: Float32Array,
    requests: ReadonlyArray<{ readonly chunks: ReadonlyArray<Chunk>; readonly seed: number }>,
    options: SampleOptions
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Sequence>>, BackendError>
  /** The files of weights that are given away: a PEFT adapter, where that is what is trained. */
  readonly archive: (
    weights: Float32Array
  ) => Effect.Effect<ReadonlyArray<readonly [name: string, content: Uint8Array]>, BackendError>
}
